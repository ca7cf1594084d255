package conformance

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/report"
	"github.com/connectorhost/connectorhost/conformance/internal/subject"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/certificate"
	"github.com/connectorhost/connectorhost/sdk/launch"
)

// A Report is the outcome of a run.
type Report = report.Report

func newReport(o Options, p *subject.Program) (*Report, error) {
	catalogued, err := catalogueDigest()
	if err != nil {
		return nil, err
	}
	return &Report{
		Schema: report.Schema,
		Suite:  report.Suite{Version: Version, Catalogue: catalogued},
		Plugin: report.Plugin{SHA256: p.Digest(), Size: p.Size(), OS: runtime.GOOS, Arch: runtime.GOARCH},
		Run: report.Run{
			Seed: o.Seed, Began: time.Now().UTC(), Evidence: "simulated", Fixtures: o.Fixtures.SHA256, Scale: max(o.Scale, 1),
			Complete: len(o.Cases) == 0 && len(o.Profiles) == 0,
		},
	}, nil
}

// conclude puts what was found into the report.
func conclude(r *Report, results []suite.Result, d sdk.Description) error {
	all, err := profiles()
	if err != nil {
		return err
	}
	if d.Manifest.Name != "" {
		if r.Plugin.ManifestSHA256, err = certificate.ManifestDigest(d.Manifest); err != nil {
			return fmt.Errorf("encoding the manifest: %w", err)
		}
		r.Plugin.Name, r.Plugin.Version, r.Plugin.Operations = d.Manifest.Name, d.Manifest.Version, d.Operations
		r.Plugin.Manifest = &d.Manifest
	}
	r.Run.Ended = time.Now().UTC()
	r.Add(results, d, all)
	return nil
}

// What a binary that does not start has broken.
const (
	startRule        = "process/start"
	startRequirement = "PC-PROC-001"
)

// neverStarted is the result of a binary that does not become a connector.
func neverStarted(err error) []suite.Result {
	why := err.Error()
	if failed, ok := errors.AsType[*launch.StartError](err); ok && len(failed.LastLines) > 0 {
		why += "\nit wrote:\n  " + strings.Join(failed.LastLines, "\n  ")
	}
	return []suite.Result{{
		ID: startRule, Requirement: startRequirement, Level: suite.Must, Profile: suite.Core,
		Rule: "The binary starts, shakes hands and describes itself as a host expects it.", Verdict: suite.Fail, Why: why,
	}}
}
