"""Emptying a node, and a whole cluster: what moves where, in which order, and how long all of it takes."""
