"""Zero code: installed instrumentations of other libraries are put to use, and two clients are wrapped by ourselves.

| module | is |
|---|---|
| libraries | the table: which library, and which instrumentations of it, best first |
| importing | a callback for the moment a library is imported |
| apply | chooses one instrumentation per library, puts it to use and takes it back |
| clients | our own wrapping of the OpenAI and Anthropic clients |
| asking | what one request of those clients asks for |
| streams, raw | what those clients return, watched to its end |
| site | the folder that `spanledger-run` puts on the path of the program it starts |
"""
