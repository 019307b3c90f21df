"""Carriers: what takes messages to the world and brings them from it. One file each, all behind `contract`."""
