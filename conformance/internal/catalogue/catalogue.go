// Package catalogue lists what the contract requires of a connector: one row for each
// sentence that can be broken, with an id that never changes and how binding it is.
//
// A row is verified by cases, or says why nothing can verify it. Rows that are neither
// are counted, and one that is a MUST fails the build.
package catalogue

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
)

//go:embed *.yaml
var files embed.FS

// A Requirement is a sentence of the contract.
type Requirement struct {
	ID    string      `yaml:"id" json:"id"` // PC-AREA-NNN
	Level suite.Level `yaml:"level" json:"level"`
	Text  string      `yaml:"text" json:"text"`
	// Excluded says why no case can verify it.
	Excluded string `yaml:"excluded,omitempty" json:"excluded,omitempty"`
	// Withdrawn is the suite version that no longer has it; its id is not used again.
	Withdrawn string `yaml:"withdrawn,omitempty" json:"withdrawn,omitempty"`
}

var shape = regexp.MustCompile(`^PC-[A-Z]{2,6}-[0-9]{3}$`)

// Load reads the catalogue, in the order of ids. Its errors are mistakes in the files.
func Load() ([]Requirement, error) {
	var all []Requirement
	paths, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		raw, err := files.ReadFile(path)
		if err != nil {
			return nil, err
		}
		d := yaml.NewDecoder(strings.NewReader(string(raw)))
		d.KnownFields(true)
		var rows []Requirement
		if err := d.Decode(&rows); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, rows...)
	}
	slices.SortFunc(all, func(a, b Requirement) int { return strings.Compare(a.ID, b.ID) })
	return all, check(all)
}

func check(all []Requirement) error {
	var wrong []error
	seen := map[string]bool{}
	for _, r := range all {
		switch {
		case !shape.MatchString(r.ID):
			wrong = append(wrong, fmt.Errorf("requirement %q: its id is not like PC-REF-004", r.ID))
		case seen[r.ID]:
			wrong = append(wrong, fmt.Errorf("requirement %s is there twice", r.ID))
		case r.Text == "":
			wrong = append(wrong, fmt.Errorf("requirement %s says nothing", r.ID))
		case !slices.Contains([]suite.Level{suite.Must, suite.MustNot, suite.Should, suite.May}, r.Level):
			wrong = append(wrong, fmt.Errorf("requirement %s has the level %q", r.ID, r.Level))
		}
		seen[r.ID] = true
	}
	return errors.Join(wrong...)
}
