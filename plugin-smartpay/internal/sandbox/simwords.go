package sandbox

import "time"

// The words of conformance.sim/v1, in which the conformance suite asks a provider's
// stand-in. They are written again here: the sandbox shares no code with what it is
// used to judge.

const simProtocol = "conformance.sim/v1"

type simHello struct {
	Protocol  string   `json:"protocol"`
	Name      string   `json:"name"`
	Version   string   `json:"version"`
	Abilities []string `json:"abilities"`
}

type simLane struct {
	ID     string            `json:"id"`
	URL    string            `json:"url"`
	Values map[string]string `json:"values"`
}

type simBuyer struct {
	Reference string `json:"reference"`
	Does      string `json:"does"`
}

type simLedger struct {
	Requests int          `json:"requests"`
	Writes   int          `json:"writes"`
	Payments []simPayment `json:"payments"`
}

type simPayment struct {
	Reference string        `json:"reference"`
	Order     string        `json:"order"`
	Currency  string        `json:"currency"`
	Most      int64         `json:"most"`
	Movements []simMovement `json:"movements"`
}

type simMovement struct {
	Motion string `json:"motion"`
	Minor  int64  `json:"minor"`
	Key    string `json:"key,omitempty"`
	Move   string `json:"move,omitempty"`
}

type simFault struct {
	Kind         string `json:"kind"`
	Value        string `json:"value"`
	Minor        int64  `json:"minor"`
	Milliseconds int64  `json:"ms"`
	Seconds      int    `json:"seconds"`
	Times        int    `json:"times"`
}

type simDashboard struct {
	Reference string `json:"reference"`
	Does      string `json:"does"`
	Minor     int64  `json:"minor"`
}

type simEvent struct {
	Type string         `json:"type"`
	Data map[string]any `json:"data"`
}

type simAdvance struct {
	Milliseconds int64 `json:"advance_ms"`
}

type simClock struct {
	Now time.Time `json:"now"`
}
