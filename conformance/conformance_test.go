package conformance

import (
	"slices"
	"testing"

	"github.com/connectorhost/connectorhost/conformance/internal/broken/all"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
)

func TestEveryCaseIsWhole(t *testing.T) {
	requirements, err := Requirements()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, r := range requirements {
		known[r.ID] = true
	}
	seen := map[string]bool{}
	for _, c := range Cases() {
		if err := c.Check(); err != nil {
			t.Error(err)
		}
		if seen[c.ID] {
			t.Errorf("two cases are called %s", c.ID)
		}
		seen[c.ID] = true
		if !known[c.Requirement] {
			t.Errorf("case %s proves %s, which is not in the catalogue", c.ID, c.Requirement)
		}
	}
}

func TestEveryRequirementIsProvenOrSaysWhyNot(t *testing.T) {
	requirements, err := Requirements()
	if err != nil {
		t.Fatal(err)
	}
	cases := Cases()
	var tested, untested, excluded int
	for _, r := range requirements {
		proven := slices.ContainsFunc(cases, func(c suite.Case) bool { return c.Requirement == r.ID }) || r.ID == startRequirement
		switch {
		case proven && r.Excluded != "":
			t.Errorf("%s is proven by a case, and says that none can", r.ID)
		case proven:
			tested++
		case r.Excluded != "" || r.Withdrawn != "":
			excluded++
		default:
			untested++
			if r.Level == suite.Must || r.Level == suite.MustNot {
				t.Errorf("%s is a %s and no case proves it: %s", r.ID, r.Level, r.Text)
			}
		}
	}
	t.Logf("%d requirements tested, %d untested, %d excluded", tested, untested, excluded)
}

// A suite that cannot fail for a rule proves nothing about it.
func TestEveryRequirementHasAMutant(t *testing.T) {
	requirements, err := Requirements()
	if err != nil {
		t.Fatal(err)
	}
	killers := map[string]bool{} // requirements that a mutant breaks
	for _, m := range all.Mutants() {
		requirement := startRequirement
		if m.Killer != startRule {
			cases := Cases()
			i := slices.IndexFunc(cases, func(c suite.Case) bool { return c.ID == m.Killer })
			if i < 0 {
				t.Errorf("mutant %s: there is no case %s", m.ID, m.Killer)
				continue
			}
			requirement = cases[i].Requirement
		}
		killers[requirement] = true
	}
	for _, r := range requirements {
		binding := r.Level == suite.Must || r.Level == suite.MustNot
		if binding && r.Excluded == "" && r.Withdrawn == "" && !killers[r.ID] {
			t.Errorf("%s is a %s, and no mutant breaks it: %s", r.ID, r.Level, r.Text)
		}
	}
}
