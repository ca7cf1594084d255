package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/connectorhost/connectorhost/conformance"
	"github.com/connectorhost/connectorhost/conformance/internal/report"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
)

func printJSON(out io.Writer, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\n", raw)
	return err
}

// A caseView is a case for people and programs.
type caseView struct {
	ID          string   `json:"id"`
	Requirement string   `json:"requirement"`
	Level       string   `json:"level"`
	Profile     string   `json:"profile"`
	Rule        string   `json:"rule"`
	Why         string   `json:"why"`
	Needs       []string `json:"needs,omitempty"`
	Uses        []string `json:"uses,omitempty"`
}

func viewOf(c suite.Case) caseView {
	v := caseView{
		ID: c.ID, Requirement: c.Requirement, Level: string(conformance.LevelOf(c.Requirement)), Profile: string(c.Profile),
		Rule: c.Rule, Why: c.Why,
	}
	for _, op := range c.Needs {
		v.Needs = append(v.Needs, string(op))
	}
	for _, a := range c.Uses {
		v.Uses = append(v.Uses, string(a))
	}
	return v
}

type listCmd struct {
	Profile string `placeholder:"NAME" help:"Only the cases of this profile."`
	Output  string `enum:"text,json" default:"text" help:"What to print: ${enum}."`
}

// Run prints a line a case.
func (c *listCmd) Run(w *world) error {
	views := []caseView{}
	for _, k := range conformance.Cases() {
		if c.Profile == "" || c.Profile == string(k.Profile) {
			views = append(views, viewOf(k))
		}
	}
	if len(views) == 0 {
		return &usageError{fmt.Errorf("there is no profile %q, want one of %v", c.Profile, suite.Profiles())}
	}
	if c.Output == "json" {
		return printJSON(w.stdout, views)
	}
	table := tabwriter.NewWriter(w.stdout, 0, 4, 2, ' ', 0)
	for _, v := range views {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", v.ID, v.Level, v.Profile, v.Rule)
	}
	return table.Flush()
}

type showCmd struct {
	Case   string `arg:"" help:"Id of the case."`
	Output string `enum:"text,json" default:"text" help:"What to print: ${enum}."`
}

// Run explains the case.
func (c *showCmd) Run(w *world) error {
	for _, k := range conformance.Cases() {
		if k.ID != c.Case {
			continue
		}
		v := viewOf(k)
		if c.Output == "json" {
			return printJSON(w.stdout, v)
		}
		_, err := fmt.Fprintf(w.stdout, "%s\n\n%s\n%s\n\n%s %s, profile %s\n", v.ID, v.Rule, v.Why, v.Requirement, v.Level, v.Profile)
		if err == nil && len(v.Needs) > 0 {
			_, err = fmt.Fprintf(w.stdout, "applies to connectors that offer %s\n", strings.Join(v.Needs, ", "))
		}
		if err == nil && len(v.Uses) > 0 {
			_, err = fmt.Fprintf(w.stdout, "needs a simulator that can %s\n", strings.Join(v.Uses, ", "))
		}
		return err
	}
	return &usageError{fmt.Errorf("there is no case %q; conform list names them", c.Case)}
}

type explainCmd struct {
	Requirement string `arg:"" help:"Id of a requirement, such as PC-CAP-001."`
	Output      string `enum:"text,json" default:"text" help:"What to print: ${enum}."`
}

// Run explains what is required and which cases prove it.
func (c *explainCmd) Run(w *world) error {
	all, err := conformance.Requirements()
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.ID != c.Requirement {
			continue
		}
		view := struct {
			ID       string     `json:"id"`
			Level    string     `json:"level"`
			Text     string     `json:"text"`
			Excluded string     `json:"excluded,omitempty"`
			Cases    []caseView `json:"cases"`
		}{r.ID, string(r.Level), r.Text, r.Excluded, []caseView{}}
		for _, k := range conformance.Cases() {
			if k.Requirement == r.ID {
				view.Cases = append(view.Cases, viewOf(k))
			}
		}
		if c.Output == "json" {
			return printJSON(w.stdout, view)
		}
		fmt.Fprintf(w.stdout, "%s  %s\n\n%s\n", view.ID, view.Level, view.Text)
		if view.Excluded != "" {
			fmt.Fprintf(w.stdout, "\nNo case proves it: %s\n", view.Excluded)
		}
		for _, k := range view.Cases {
			fmt.Fprintf(w.stdout, "\n%s\n  %s\n  %s\n", k.ID, k.Rule, k.Why)
		}
		return nil
	}
	return &usageError{fmt.Errorf("there is no requirement %q in the catalogue", c.Requirement)}
}

type diffCmd struct {
	Before string `arg:"" type:"existingfile" help:"A report.json."`
	Now    string `arg:"" type:"existingfile" help:"A later one."`
	Output string `enum:"text,json" default:"text" help:"What to print: ${enum}."`
}

// Run lists the cases whose verdicts differ. It fails if any got worse.
func (c *diffCmd) Run(w *world) error {
	before, err := read(c.Before)
	if err != nil {
		return err
	}
	now, err := read(c.Now)
	if err != nil {
		return err
	}
	changes := report.Diff(before, now)
	for _, change := range changes {
		if change.Worse() {
			w.exit = report.ExitFails
		}
	}
	if c.Output == "json" {
		return printJSON(w.stdout, append([]report.Change{}, changes...))
	}
	if len(changes) == 0 {
		_, err := fmt.Fprintln(w.stdout, "No verdict differs.")
		return err
	}
	return report.WriteDiff(w.stdout, changes)
}

func read(path string) (_ *report.Report, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r, err := report.Read(f)
	if err != nil {
		return nil, &usageError{fmt.Errorf("%s: %w", path, err)}
	}
	return r, nil
}

type doctorCmd struct {
	Plugin   string `required:"" type:"path" placeholder:"FILE" help:"The connector's binary."`
	Fixtures string `required:"" type:"path" placeholder:"FILE" help:"Values to test with."`
}

// Run says what keeps the suite from running against this connector on this machine.
func (c *doctorCmd) Run(w *world) error {
	table := tabwriter.NewWriter(w.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintf(table, "system\t%s/%s, %d processors\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	worst := 0
	for _, check := range conformance.Doctor(w.ctx, c.Plugin, c.Fixtures, filepath.Dir(c.Plugin)) {
		word := "ok"
		if check.Err != nil {
			word, worst = "WRONG: "+check.Err.Error(), report.ExitNoEnvironment
		} else if check.Note != "" {
			word += ", " + check.Note
		}
		fmt.Fprintf(table, "%s\t%s\n", check.Name, word)
	}
	w.exit = worst
	return table.Flush()
}
