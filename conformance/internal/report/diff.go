package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
)

// A Change is a case whose verdict differs between two reports. Empty is a case that one
// of them does not have.
type Change struct {
	ID          string        `json:"id"`
	Before, Now suite.Verdict `json:",omitempty"`
}

// Worse reports whether the change is for the worse.
func (c Change) Worse() bool {
	rank := func(v suite.Verdict) int { return slices.Index(suite.Worst(), v) }
	return c.Now == "" || c.Before != "" && rank(c.Now) < rank(c.Before) || c.Before == "" && rank(c.Now) < rank(suite.Warn)
}

// Diff lists the cases whose verdicts differ, by id.
func Diff(before, now *Report) []Change {
	verdicts := map[string]*Change{}
	for _, x := range before.Results {
		verdicts[x.ID] = &Change{ID: x.ID, Before: x.Verdict}
	}
	for _, x := range now.Results {
		if c, ok := verdicts[x.ID]; ok {
			c.Now = x.Verdict
		} else {
			verdicts[x.ID] = &Change{ID: x.ID, Now: x.Verdict}
		}
	}
	var changes []Change
	for _, c := range verdicts {
		if c.Before != c.Now {
			changes = append(changes, *c)
		}
	}
	slices.SortFunc(changes, func(a, b Change) int { return strings.Compare(a.ID, b.ID) })
	return changes
}

// WriteDiff writes the changes as lines.
func WriteDiff(w io.Writer, changes []Change) error {
	for _, c := range changes {
		mark := "better"
		if c.Worse() {
			mark = "WORSE"
		}
		if _, err := fmt.Fprintf(w, "%-7s %-40s %s -> %s\n", mark, c.ID, or(c.Before, "not run"), or(c.Now, "not run")); err != nil {
			return err
		}
	}
	return nil
}

func or(v suite.Verdict, instead string) string {
	if v == "" {
		return instead
	}
	return string(v)
}
