"""Landing: producers' files and rows into typed tables of the landing schema, exactly once (design section 3).

Data flow: `recognise` tells a file's kind from its beginning; `content` opens it once it is known; `csv_file` and
`proposer_log` split it into records, `reader` groups them into blocks, `encode` checks and spells their values by the
rules of `kinds` and `values`; `send` hands the blocks to the server, `store` keeps the manifest, and `land` puts them
together. What reads the tables is SQL (models/); what people run is in `afterstate`.
"""
