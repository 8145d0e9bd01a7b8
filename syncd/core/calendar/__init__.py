"""iCalendar streams (RFC 5545) as values: splitting, reading, time, recurrence, writing.

Owns every decision about what an ICS export means. Must not read a clock, a file or a database: bytes come in as
blocks, tables are filled by `syncd.postgres`. The unfolded lines of a component are the truth; everything typed is
derived from them and can be derived again.

    decoding  blocks of any encoding and line end -> blocks of UTF-8 and LF
    splitter  blocks -> components, one at a time, the broken ones named as such
    lines     a component -> content lines: name, parameters, value
    moments, durations, zones, file_zones   wall time, zone as written, instant
    events, alarms, people                  typed columns
    identity                                who a component is, and whether it changed
    rules, periods, expand, series          occurrences
    writer                                  back to ICS
"""

PARSER_VERSION = 1
"""Raised whenever the same bytes would be read differently: stored columns are then derived again."""
