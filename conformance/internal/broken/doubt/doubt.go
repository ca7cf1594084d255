// Package doubt holds the mutants that misjudge what they cannot know: lost answers, late
// ones, half ones and foreign ones.
package doubt

import "github.com/connectorhost/connectorhost/conformance/internal/broken"

// Mutants lists the mutants.
func Mutants() []broken.Mutant {
	var all []broken.Mutant
	for _, some := range [][]broken.Mutant{misjudged(), misread(), deaf(), limits(), blind()} {
		all = append(all, some...)
	}
	return all
}
