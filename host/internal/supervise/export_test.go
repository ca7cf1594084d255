package supervise

// Leads reports whether the table has a step from one state to the other.
func Leads(from, to State) bool {
	for _, reached := range table[from] {
		if reached == to {
			return true
		}
	}
	return false
}

// AtEnd reports whether nothing can happen to an instance in that state.
func AtEnd(s State) bool { return len(table[s]) == 0 }
