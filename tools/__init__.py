"""Programs for developers, called by `script/`: checks of contracts, conformance, the page of odd files."""
