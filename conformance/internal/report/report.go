// Package report is what a run of the suite found, and how it is shown: one canonical
// JSON document, and renderings of it for continuous integration, for people and for a
// terminal. The JSON decides; a rendering adds nothing and leaves nothing out that
// would change a verdict.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

// Schema names the format of a report.
const Schema = "conformance.report/v1"

// A Report is the outcome of a run.
type Report struct {
	Schema string `json:"schema"`
	Suite  Suite  `json:"suite"`
	Plugin Plugin `json:"plugin"`
	Run    Run    `json:"run"`

	Verdict      suite.Verdict         `json:"verdict"`
	Counts       map[suite.Verdict]int `json:"counts"`
	Profiles     []Profile             `json:"profiles"`
	Capabilities []Capability          `json:"capabilities"`
	Timings      []Timing              `json:"timings,omitempty"`
	Results      []suite.Result        `json:"results"`
}

// A Suite is what tested.
type Suite struct {
	Version   string `json:"version"`
	Catalogue string `json:"catalogue"` // SHA-256 of the requirements
}

// A Plugin is the binary that was tested.
type Plugin struct {
	SHA256   string        `json:"sha256"`
	Size     int64         `json:"size"`
	Name     string        `json:"name"`
	Version  string        `json:"version"`
	OS       string        `json:"os"`
	Arch     string        `json:"arch"`
	Manifest *sdk.Manifest `json:"manifest,omitempty"`
	// ManifestSHA256 is that of the manifest's JSON, as a host computes it.
	ManifestSHA256 string         `json:"manifest_sha256,omitempty"`
	Operations     sdk.Operations `json:"operations,omitempty"`
}

// A Run is how it was tested.
type Run struct {
	Seed     uint64    `json:"seed"`
	Began    time.Time `json:"began"`
	Ended    time.Time `json:"ended"`
	Complete bool      `json:"complete"`   // every case that applies was selected
	Scale    int       `json:"time_scale"` // how many times longer cases could take
	Evidence string    `json:"evidence"`   // simulated, recorded or sandbox
	Fixtures string    `json:"fixtures"`   // SHA-256 of the file, if there is one
	// Simulator is who stood in for the provider.
	Simulator string `json:"simulator,omitempty"`
}

// A Profile is how a part of the contract went.
type Profile struct {
	Name    suite.Profile `json:"name"`
	Version int           `json:"version"`
	SHA256  string        `json:"sha256"` // of the frozen list of its cases
	Claimed bool          `json:"claimed"`
	Verdict suite.Verdict `json:"verdict"`
	Passed  int           `json:"passed"`
	Cases   int           `json:"cases"` // that apply
}

// A Capability is something that a connector may do: whether it says so, whether cases
// asked, and whether all of them were content.
type Capability struct {
	Name     string `json:"name"`
	Declared bool   `json:"declared"`
	Tested   int    `json:"tested"` // cases
	Passed   int    `json:"passed"`
}

// Holds reports whether a capability was declared and every case about it passed.
func (c Capability) Holds() bool { return c.Declared && c.Tested > 0 && c.Passed == c.Tested }

// Add puts results in and draws the conclusions.
func (r *Report) Add(results []suite.Result, d sdk.Description, profiles []Profile) {
	r.Results = suite.Sorted(results)
	r.Verdict, r.Counts = suite.Roll(r.Results)
	r.Capabilities = capabilities(r.Results, d)
	r.Timings = timings(r.Results)
	for _, p := range profiles {
		r.Profiles = append(r.Profiles, p.judged(r.Results, d))
	}
}

// judged fills in how a profile went.
func (p Profile) judged(results []suite.Result, d sdk.Description) Profile {
	p.Claimed = p.Name.Applies(d)
	var own []suite.Result
	for _, r := range results {
		if r.Profile != p.Name {
			continue
		}
		own = append(own, r)
		if r.Verdict != suite.NotApplicable {
			p.Cases++
		}
		if r.Verdict == suite.Pass || r.Verdict == suite.Warn {
			p.Passed++
		}
	}
	switch p.Verdict, _ = suite.Roll(own); {
	case !p.Claimed:
		p.Verdict = suite.NotApplicable
	case p.Cases == 0:
		p.Verdict = suite.NotTestable
	}
	return p
}

func capabilities(results []suite.Result, d sdk.Description) []Capability {
	var all []Capability
	for _, op := range sdk.AllOperations() {
		c := Capability{Name: string(op), Declared: d.Operations.Has(op)}
		for _, r := range results {
			if !slices.Contains(r.Operations, op) || r.Verdict == suite.NotApplicable {
				continue
			}
			c.Tested++
			if r.Verdict == suite.Pass || r.Verdict == suite.Warn {
				c.Passed++
			}
		}
		all = append(all, c)
	}
	return all
}

// JSON writes the canonical form: equal reports are equal bytes.
func (r *Report) JSON(w io.Writer) error {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", raw)
	return err
}

// Read reads what JSON has written.
func Read(from io.Reader) (*Report, error) {
	d := json.NewDecoder(from)
	d.DisallowUnknownFields()
	var r Report
	if err := d.Decode(&r); err != nil {
		return nil, fmt.Errorf("reading a report: %w", err)
	}
	if r.Schema != Schema {
		return nil, fmt.Errorf("reading a report: its schema is %q, want %s", r.Schema, Schema)
	}
	return &r, nil
}

// Certifiable says what keeps a report from being certified; nothing if nothing does.
func (r *Report) Certifiable() []string {
	var why []string
	if !r.Run.Complete {
		why = append(why, "only some cases were run, which proves nothing about the rest")
	}
	for _, v := range []suite.Verdict{suite.Error, suite.Fail, suite.Flaky, suite.NotTestable, suite.Blocked} {
		for _, x := range r.Results {
			if x.Verdict == v {
				why = append(why, fmt.Sprintf("%s %s", v, x.ID))
			}
		}
	}
	for _, c := range r.Capabilities {
		if c.Declared && c.Tested == 0 {
			why = append(why, c.Name+" is declared, and no case has tried it")
		}
	}
	if len(r.Results) == 0 {
		why = append(why, "no case was run")
	}
	return why
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
