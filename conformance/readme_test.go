package conformance

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/all"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
)

func profileTable(t *testing.T) string {
	t.Helper()
	requirements, err := Requirements()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("| profile | cases |\n|---|---|\n")
	cases := Cases()
	for _, p := range suite.Profiles() {
		n := 0
		for _, c := range cases {
			if c.Profile == p {
				n++
			}
		}
		fmt.Fprintf(&b, "| %s@%d | %d |\n", p, ProfileVersion, n)
	}
	var tested, excluded int
	for _, r := range requirements {
		switch {
		case r.Excluded != "":
			excluded++
		case r.ID == startRequirement, slices.ContainsFunc(cases, func(c suite.Case) bool { return c.Requirement == r.ID }):
			tested++
		}
	}
	fmt.Fprintf(&b, "\n%d cases for %d requirements: %d tested, %d untested, %d excluded with the reason why\nno case can prove them.\n",
		len(cases), len(requirements), tested, len(requirements)-tested-excluded, excluded)
	return b.String()
}

func matrixTable() string {
	var b strings.Builder
	mutants := all.Mutants()
	fmt.Fprintf(&b, "%d broken connectors:\n\n| broken | in this way | case that fails |\n|---|---|---|\n", len(mutants))
	slices.SortFunc(mutants, func(a, b broken.Mutant) int { return strings.Compare(a.Killer+a.ID, b.Killer+b.ID) })
	for _, m := range mutants {
		fmt.Fprintf(&b, "| `%s` | %s | `%s` |\n", m.ID, strings.ReplaceAll(m.Fault, "|", "\\|"), m.Killer)
	}
	return b.String()
}

func TestReadmeShowsWhatThereIs(t *testing.T) {
	have, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	want := have
	for mark, table := range map[string]string{"profiles": profileTable(t), "matrix": matrixTable()} {
		between := regexp.MustCompile(`(?s)<!-- ` + mark + ` -->\n.*?<!-- end -->`)
		if !between.Match(want) {
			t.Fatalf("README.md has no place for %s", mark)
		}
		want = between.ReplaceAllLiteral(want, []byte("<!-- "+mark+" -->\n"+table+"<!-- end -->"))
	}
	if *update {
		if err := os.WriteFile("README.md", want, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(have, want) {
		t.Error("README.md is not what the suite has now; make golden")
	}
}
