// Package load holds the mutants that mix calls up, share what they must not, or leave
// something behind with every call.
package load

import "github.com/connectorhost/connectorhost/conformance/internal/broken"

// Mutants lists the mutants.
func Mutants() []broken.Mutant {
	var all []broken.Mutant
	for _, some := range [][]broken.Mutant{mixing(), sharing(), racing(), leaking()} {
		all = append(all, some...)
	}
	return all
}

// crowded are the cases that make a crowd, which a mutant that goes wrong in crowds may
// meet beside its killer.
var crowded = []string{
	"load/64-payments", "load/64-captures", "load/64-lookups", "load/two-accounts", "load/secrets-apart",
	"load/wrong-credentials-beside-right", "load/stray-answers", "keys/sent-at-once",
}
