"""The store: engines, migrations, one store file an aggregate. The only place with SQL."""
