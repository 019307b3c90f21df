"""What the two versions of the API ask for, and which test proves that it is so."""
