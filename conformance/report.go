package conformance

import (
	"runtime"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/subject"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

// A Subject is the binary that was tested.
type Subject struct {
	SHA256     string          `json:"sha256"`
	Size       int64           `json:"size"`
	Name       string          `json:"name"`
	Version    string          `json:"version"`
	OS         string          `json:"os"`
	Arch       string          `json:"arch"`
	Operations []string        `json:"operations"`
	Manifest   *sdk.Manifest   `json:"manifest,omitempty"`
	Profiles   []suite.Profile `json:"profiles"` // that it claims
}

func (s *Subject) describe(d sdk.Description) {
	s.Name, s.Version, s.Operations, s.Manifest = d.Manifest.Name, d.Manifest.Version, operationsOf(d), &d.Manifest
	for _, p := range suite.Profiles() {
		if p.Applies(d) {
			s.Profiles = append(s.Profiles, p)
		}
	}
}

// A Report is the outcome of a run. Complete is false for a run of some cases only.
type Report struct {
	Schema   string                `json:"schema"`
	Suite    string                `json:"suite"` // its version
	Seed     uint64                `json:"seed"`
	Began    time.Time             `json:"began"`
	Ended    time.Time             `json:"ended"`
	Evidence string                `json:"evidence"`
	Plugin   Subject               `json:"plugin"`
	Complete bool                  `json:"complete"`
	Verdict  suite.Verdict         `json:"verdict"`
	Counts   map[suite.Verdict]int `json:"counts"`
	Results  []suite.Result        `json:"results"`
}

// ReportSchema names the format of a report.
const ReportSchema = "conformance.report/v1"

func newReport(o Options, p *subject.Program) *Report {
	return &Report{
		Schema: ReportSchema, Suite: Version, Seed: o.Seed, Began: time.Now().UTC(), Evidence: "simulated",
		Plugin:   Subject{SHA256: p.Digest(), Size: p.Size(), OS: runtime.GOOS, Arch: runtime.GOARCH},
		Complete: len(o.Cases) == 0 && len(o.Profiles) == 0,
	}
}

func (r *Report) end() { r.Ended = time.Now().UTC() }

func (r *Report) add(results []suite.Result) {
	r.Results = suite.Sorted(results)
	r.Verdict, r.Counts = suite.Roll(r.Results)
}

// startRule is what a binary that does not start has broken.
const (
	startRule        = "process/start"
	startRequirement = "PC-PROC-001"
)

// neverStarted is the report on a binary that does not become a connector.
func (r *Report) neverStarted(err error) {
	r.add([]suite.Result{{
		ID: startRule, Requirement: startRequirement, Level: suite.Must, Profile: suite.Core,
		Rule: "The binary starts, shakes hands and describes itself as a host expects it.", Verdict: suite.Fail, Why: err.Error(),
	}})
}

// Exit statuses of the conform command.
const (
	ExitConforms      = 0
	ExitFails         = 1
	ExitInconclusive  = 2
	ExitKnownFailures = 3
	ExitNothingRun    = 4
	ExitRefused       = 5 // signing or verifying
	ExitUsage         = 64
	ExitInternal      = 70
	ExitNoEnvironment = 75
)

// Exit is the exit status that the report deserves.
func (r *Report) Exit() int {
	switch r.Verdict {
	case suite.Pass, suite.Warn, suite.NotApplicable:
		return ExitConforms
	case suite.Fail:
		return ExitFails
	case suite.Flaky, suite.NotTestable, suite.Blocked:
		return ExitInconclusive
	case suite.Error:
		return ExitInternal
	}
	return ExitInternal
}
