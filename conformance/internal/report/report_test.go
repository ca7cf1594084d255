package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/schemas"
	"github.com/connectorhost/connectorhost/sdk"
)

var update = flag.Bool("update", false, "rewrite golden files")

// sample is a report with every verdict, of a connector that takes money and gives it back.
func sample() *Report {
	began := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	d := sdk.Description{
		Manifest: sdk.Manifest{
			Name: "acme", Version: "1.2.3", CaptureModes: []sdk.CaptureMode{sdk.CaptureAutomatic},
			ConfigSchema: json.RawMessage(`{"type":"object"}`),
		},
		Operations: sdk.Operations{sdk.OpAuthorize, sdk.OpFindPayment, sdk.OpRefund},
	}
	r := &Report{
		Schema: Schema, Suite: Suite{Version: "1.0.0", Catalogue: strings.Repeat("c", 64)},
		Plugin: Plugin{
			SHA256: strings.Repeat("a", 64), Size: 12345678, Name: "acme", Version: "1.2.3", OS: "linux", Arch: "amd64",
			Manifest: &d.Manifest, ManifestSHA256: strings.Repeat("b", 64), Operations: d.Operations,
		},
		Run: Run{
			Seed: 33, Began: began, Ended: began.Add(61500 * time.Millisecond), Complete: true, Scale: 1, Evidence: "simulated",
			Fixtures: strings.Repeat("f", 64), Simulator: "acme-sim 0.9.0",
		},
	}
	result := func(id, requirement string, p suite.Profile, v suite.Verdict, why string, ops ...sdk.Operation) suite.Result {
		return suite.Result{
			ID: id, Requirement: requirement, Level: suite.Must, Profile: p, Rule: "What holds <for> " + id + ".", Verdict: v, Why: why,
			Milliseconds: int64(len(id)) * 7, Operations: ops,
		}
	}
	failed := result("refund/sum", "PC-REF-004", suite.Refunds, suite.Fail, "refunding 6 of 5: expected a refusal, got SUCCEEDED", sdk.OpRefund)
	failed.Step, failed.Expected, failed.Actual, failed.Repeats = "refunding 6 of 5", "a refusal", "SUCCEEDED", 1
	failed.Calls = []suite.Exchange{{Operation: "refund", Request: json.RawMessage(`{"amount":{"minor":6}}`), Answer: json.RawMessage(`{"outcome":"SUCCEEDED"}`)}}
	passed := result("manifest/stable", "PC-CAP-004", suite.Core, suite.Pass, "", sdk.OpAuthorize)
	for i := range 20 {
		passed.Calls = append(passed.Calls, suite.Exchange{Operation: "authorize", Took: time.Duration(i+1) * time.Millisecond})
	}
	passed.Calls = append(passed.Calls, suite.Exchange{Operation: "authorize", Took: time.Hour, Error: "it failed"})
	profiles := make([]Profile, 0, len(suite.Profiles()))
	for _, p := range suite.Profiles() {
		profiles = append(profiles, Profile{Name: p, Version: 1, SHA256: strings.Repeat("9", 64)})
	}
	r.Add([]suite.Result{
		failed,
		passed,
		result("lookup/by-reference", "PC-SYNC-001", suite.Core, suite.Warn, "slow", sdk.OpFindPayment),
		result("keys/again", "PC-IDEM-001", suite.Core, suite.Flaky, "once so, once so"),
		result("hooks/unsigned", "PC-HOOK-001", suite.Webhooks, suite.NotApplicable, "read_webhook is not offered", sdk.OpReadWebhook),
		result("refund/late", "PC-REF-009", suite.Refunds, suite.NotTestable, "the simulator has no clock", sdk.OpRefund),
		result("refund/again", "PC-REF-010", suite.Refunds, suite.Blocked, "blocked: capturing", sdk.OpRefund),
		result("text/kanji", "PC-TEXT-001", suite.Core, suite.Error, "suite: no disk"),
	}, d, profiles)
	return r
}

// good is a report with nothing wrong.
func good() *Report {
	r := sample()
	kept := r.Results[:0]
	for _, x := range r.Results {
		if x.Verdict == suite.Pass || x.Verdict == suite.Warn || x.Verdict == suite.NotApplicable {
			kept = append(kept, x)
		}
	}
	d := sdk.Description{Manifest: *r.Plugin.Manifest, Operations: sdk.Operations{sdk.OpAuthorize, sdk.OpFindPayment}}
	profiles := r.Profiles
	r.Profiles = nil
	r.Add(kept, d, profiles)
	return r
}

func TestFormsAreTheSameBytes(t *testing.T) {
	for name, r := range map[string]*Report{"everything": sample(), "good": good()} {
		forms := map[string]func(io.Writer) error{
			"report.json": r.JSON, "junit.xml": r.JUnit, "report.html": r.HTML, "badge.md": r.Badge, "summary.txt": r.Summary,
			"failures.txt": func(w io.Writer) error {
				for _, x := range r.Results {
					if err := r.Failure(w, x, "conform run --plugin ./acme --fixtures acme.yaml", "out"); err != nil {
						return err
					}
				}
				return nil
			},
		}
		for form, write := range forms {
			t.Run(name+"/"+form, func(t *testing.T) {
				var got bytes.Buffer
				if err := write(&got); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join("testdata", name+"."+form)
				if *update {
					if err := os.MkdirAll("testdata", 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(path, got.Bytes(), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got.String()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", path, diff)
				}
			})
		}
	}
}

func TestJSONIsWhatItsSchemaSays(t *testing.T) {
	schema, err := schemas.CompileRaw(JSONSchema())
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*Report{"everything": sample(), "good": good()} {
		var text bytes.Buffer
		if err := r.JSON(&text); err != nil {
			t.Fatal(err)
		}
		for _, v := range schema.ValidateValue(json.RawMessage(text.Bytes())) {
			t.Errorf("%s: %s %s", name, v.Pointer, v.Message)
		}
		read, err := Read(bytes.NewReader(text.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		var again bytes.Buffer
		if err := read.JSON(&again); err != nil || again.String() != text.String() {
			t.Errorf("%s: read and written again it differs (%v)", name, err)
		}
	}
}

func TestTheWorstVerdictDecides(t *testing.T) {
	for verdict, exit := range map[suite.Verdict]int{
		suite.Error: ExitInternal, suite.Fail: ExitFails, suite.Flaky: ExitInconclusive, suite.NotTestable: ExitInconclusive,
		suite.Blocked: ExitInconclusive, suite.Warn: ExitConforms, suite.Pass: ExitConforms, suite.NotApplicable: ExitConforms,
	} {
		r := &Report{}
		r.Add([]suite.Result{{ID: "a/b", Profile: suite.Core, Verdict: verdict}, {ID: "a/c", Profile: suite.Core, Verdict: suite.NotApplicable}}, sdk.Description{}, nil)
		if r.Verdict != verdict || r.Exit() != exit {
			t.Errorf("%s: verdict %s, exit %d, want %d", verdict, r.Verdict, r.Exit(), exit)
		}
	}
	empty := &Report{}
	empty.Add(nil, sdk.Description{}, nil)
	if empty.Exit() == ExitConforms || len(empty.Certifiable()) == 0 {
		t.Errorf("nothing was run: verdict %s, exit %d", empty.Verdict, empty.Exit())
	}
}

func TestOnlyAWholeCleanRunCertifies(t *testing.T) {
	if why := good().Certifiable(); len(why) > 0 {
		t.Errorf("a clean run: %v", why)
	}
	filtered := good()
	filtered.Run.Complete = false
	untried := good()
	untried.Capabilities = append(untried.Capabilities, Capability{Name: "void", Declared: true})
	for name, r := range map[string]*Report{"with failures": sample(), "filtered": filtered, "with an untried capability": untried} {
		if len(r.Certifiable()) == 0 {
			t.Errorf("%s: can be certified", name)
		}
	}
}

// Whoever reads JUnit alone must not take an inconclusive run for a green one.
func TestJUnitIsNotGreenWhereTheRunIsNot(t *testing.T) {
	r := good()
	r.Results = append(r.Results, suite.Result{ID: "a/b", Requirement: "PC-CAP-001", Profile: suite.Core, Verdict: suite.NotTestable})
	var text bytes.Buffer
	if err := r.JUnit(&text); err != nil {
		t.Fatal(err)
	}
	var all junitSuites
	if err := xml.Unmarshal(text.Bytes(), &all); err != nil {
		t.Fatal(err)
	}
	if all.Failures != 1 || all.Skipped != 2 {
		t.Errorf("%d failures and %d skipped, want certifiability to fail", all.Failures, all.Skipped)
	}
}

func TestDiffTellsWhatGotWorse(t *testing.T) {
	before, now := good(), sample()
	worse := map[string]bool{}
	for _, c := range Diff(before, now) {
		worse[c.ID] = c.Worse()
	}
	want := map[string]bool{"refund/sum": true, "keys/again": true, "refund/late": true, "refund/again": true, "text/kanji": true}
	if diff := cmp.Diff(want, worse); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if changes := Diff(now, now); len(changes) > 0 {
		t.Errorf("a report differs from itself: %v", changes)
	}
	for _, c := range Diff(now, before) {
		if !c.Worse() { // what is not run any more is worse
			t.Errorf("%s is not run any more, and that is no worse", c.ID)
		}
	}
}
