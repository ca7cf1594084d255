package report

import (
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
)

// Line writes one result as a line.
func Line(w io.Writer, x suite.Result) error {
	_, err := fmt.Fprintf(w, "%-14s %-40s %s\n", x.Verdict, x.ID, x.Rule)
	return err
}

// Failure writes everything that is known about a result that is no pass. Dir is where
// traces were written; empty if they were not.
func (r *Report) Failure(w io.Writer, x suite.Result, command, dir string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s  %s %s  %q\n", x.Verdict, x.ID, x.Requirement, x.Level, x.Rule)
	if x.Step != "" {
		fmt.Fprintf(&b, "  step      %s\n  expected  %s\n  actual    %s\n", x.Step, x.Expected, x.Actual)
	} else {
		fmt.Fprintf(&b, "  because   %s\n", strings.ReplaceAll(x.Why, "\n", "\n            "))
	}
	fmt.Fprintf(&b, "  replay    %s --case %s --seed %d\n", command, x.ID, r.Run.Seed)
	if n := len(x.Calls); n > 0 && dir != "" {
		fmt.Fprintf(&b, "  trace     %s (%d calls, %d requests to the provider)\n", path.Join(dir, TraceFile(x.ID)), n, len(x.Provider))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Summary writes the end of a run.
func (r *Report) Summary(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s %s  %.12s…\n", r.Plugin.Name, r.Plugin.Version, r.Plugin.SHA256)
	for _, p := range r.Profiles {
		switch {
		case p.Cases == 0 && !r.Run.Complete: // it was not selected
		case !p.Claimed:
			fmt.Fprintf(&b, "  %-20s not claimed\n", p.Name)
		default:
			fmt.Fprintf(&b, "  %-20s %-13s %d of %d\n", p.Name, p.Verdict, p.Passed, p.Cases)
		}
	}
	fmt.Fprintf(&b, "%s: ", r.Verdict)
	var parts []string
	for _, v := range suite.Worst() {
		if n := r.Counts[v]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	fmt.Fprintf(&b, "%s, in %.1f s, seed %d\n", strings.Join(parts, ", "), r.Run.Ended.Sub(r.Run.Began).Seconds(), r.Run.Seed)
	if !r.Run.Complete {
		b.WriteString("Only some cases were run, which proves nothing about the rest.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Badge writes a line of Markdown for a README.
func (r *Report) Badge(w io.Writer) error {
	var certified []string
	for _, p := range r.Profiles {
		if p.Claimed && (p.Verdict == suite.Pass || p.Verdict == suite.Warn) {
			certified = append(certified, fmt.Sprintf("%s@%d", p.Name, p.Version))
		}
	}
	_, err := fmt.Fprintf(w, "**%s %s**: %s (suite %s: %s; sha256 `%.16s…`)\n",
		r.Plugin.Name, r.Plugin.Version, r.Verdict, r.Suite.Version, strings.Join(certified, ", "), r.Plugin.SHA256)
	return err
}

// TraceFile is where a case's trace is kept, below the folder of a report.
func TraceFile(id string) string { return "trace/" + strings.ReplaceAll(id, "/", "--") + ".ndjson" }
