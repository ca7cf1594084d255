// Package fault is the one script language in which tests ask the sandbox to
// misbehave. A script is a list of rules; a rule says when it applies (an
// endpoint or an event, a reference, a key, which time) and what then happens.
//
//	{"seed": 7, "faults": [
//	  {"on": "POST /payments", "nth": 2, "do": "act_then_drop_response"},
//	  {"on": "GET /orders/{id}", "reference": "R-1", "do": "status", "status": 503, "times": 3},
//	  {"on": "webhook", "event": "order.authorized", "do": "duplicate", "copies": 2}
//	]}
//
// The package decides which rules fire; the sandbox carries them out. Chance is
// drawn from the seed, the rule and how often it has matched, so the same script
// over the same requests does the same. A rule that says something its action
// does not understand is refused: a fault that silently does nothing would make
// a test that proves nothing.
package fault
