"""Leads viewers to edges, and edges to streams that begin."""
