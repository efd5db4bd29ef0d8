"""Landing: producers' files into typed tables, exactly once, with nothing lost and nothing altered (design section 3).

`kinds` says what can be landed, `reader` splits a file into records, `recognise` tells the kind from the header,
`values` checks and spells each value, `tables` are the tables, `store` is the one transaction of a load, and `land`
puts them together for files and folders.
"""
