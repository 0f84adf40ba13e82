"""Our thin layer over ReactPy: assets, router, fields, messages, queries."""
