"""Landing into a lake: Delta tables in a folder or an object store, under the same rules as into a server.

It differs only where rows are written: what a file is, and what fits, is the code of `loaders`.
"""
