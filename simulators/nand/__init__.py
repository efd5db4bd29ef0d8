"""NAND operation sequences: what each plane was doing, and what was proposed then (design section 5)."""
