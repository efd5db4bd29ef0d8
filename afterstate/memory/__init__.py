"""What is remembered (design section 4): asked for, taken again with a reason, backed up, restored, brought in."""
