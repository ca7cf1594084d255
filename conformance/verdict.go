package conformance

import "github.com/connectorhost/connectorhost/sdk"

// A Verdict is what a case came to.
type Verdict string

// The verdicts, from worst to best.
const (
	Error         Verdict = "ERROR"          // the suite or the machine failed; says nothing about the connector
	Fail          Verdict = "FAIL"           // a MUST is broken
	Flaky         Verdict = "FLAKY"          // differs from run to run
	NotTestable   Verdict = "NOT_TESTABLE"   // applies, but its inputs are missing
	Blocked       Verdict = "BLOCKED"        // an earlier case of its chain failed
	Warn          Verdict = "WARN"           // a SHOULD is broken
	Pass          Verdict = "PASS"           // the witness was seen and everything expected held
	NotApplicable Verdict = "NOT_APPLICABLE" // the capability is not there, and is refused
)

var worstFirst = []Verdict{Error, Fail, Flaky, NotTestable, Blocked, Warn, Pass, NotApplicable}

// A Level is how binding a rule is.
type Level string

// The levels.
const (
	Must   Level = "MUST"
	Should Level = "SHOULD"
)

// A Result is one case's verdict.
type Result struct {
	ID           string  `json:"id"`
	Level        Level   `json:"level"`
	Rule         string  `json:"rule"`
	Verdict      Verdict `json:"verdict"`
	Why          string  `json:"why,omitempty"` // what was expected and what was seen; empty for a pass
	Milliseconds int64   `json:"milliseconds"`
}

// A Subject is the binary that was tested.
type Subject struct {
	SHA256     string         `json:"sha256"`
	Name       string         `json:"name"`
	Version    string         `json:"version"`
	Operations sdk.Operations `json:"operations"`
}

func (s *Subject) describe(d sdk.Description) {
	s.Name, s.Version, s.Operations = d.Manifest.Name, d.Manifest.Version, d.Operations
}

// A Report is the outcome of a run. Complete is false for a run of some cases only.
type Report struct {
	Plugin   Subject         `json:"plugin"`
	Complete bool            `json:"complete"`
	Verdict  Verdict         `json:"verdict"`
	Counts   map[Verdict]int `json:"counts"`
	Results  []Result        `json:"results"`
}

// rollUp is the one place that decides the verdict of a run: the worst of its cases.
func (r *Report) rollUp() {
	r.Counts = map[Verdict]int{}
	for _, result := range r.Results {
		r.Counts[result.Verdict]++
	}
	for _, v := range worstFirst {
		if r.Counts[v] > 0 {
			r.Verdict = v
			return
		}
	}
}

// Exit statuses of the conform command.
const (
	ExitConforms      = 0
	ExitFails         = 1
	ExitInconclusive  = 2
	ExitNothingRun    = 4
	ExitUsage         = 64
	ExitInternal      = 70
	ExitNoEnvironment = 75
)

// Exit is the exit status that the report deserves.
func (r *Report) Exit() int {
	switch r.Verdict {
	case Pass, Warn, NotApplicable:
		return ExitConforms
	case Fail:
		return ExitFails
	case Flaky, NotTestable, Blocked:
		return ExitInconclusive
	case Error:
		return ExitInternal
	}
	return ExitInternal
}
