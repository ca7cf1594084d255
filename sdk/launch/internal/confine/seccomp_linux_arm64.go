package confine

// deniedHere are calls that only this architecture has: none that matter.
var deniedHere []uint32
