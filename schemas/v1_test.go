package schemas_test

import (
	"encoding/json"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/connectorhost/connectorhost/schemas"
	"golang.org/x/text/language"
)

func enumOf(t *testing.T, name string) []string {
	t.Helper()
	text, err := schemas.Raw(name)
	if err != nil {
		t.Fatal(err)
	}
	var schema struct{ Enum []string }
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	if !slices.IsSorted(schema.Enum) || len(slices.Compact(slices.Clone(schema.Enum))) != len(schema.Enum) {
		t.Errorf("%s is not sorted, or lists a code twice", name)
	}
	return schema.Enum
}

func TestCountriesAreISO3166(t *testing.T) {
	listed := enumOf(t, "country")
	if len(listed) != 249 {
		t.Errorf("%d countries, want the 249 of ISO 3166-1", len(listed))
	}
	for _, code := range listed {
		if region, err := language.ParseRegion(code); err != nil || !region.IsCountry() || region.Canonicalize() != region {
			t.Errorf("%s is no country", code)
		}
	}
	for _, code := range []string{"UK", "XK", "EU", "ZZ", "AN", "CS", "DD", "SU", "YU", "jp"} {
		if slices.Contains(listed, code) {
			t.Errorf("%s is not assigned", code)
		}
	}
}

func TestCurrenciesAreCodesThatPeoplePayIn(t *testing.T) {
	listed := enumOf(t, "currency")
	shape := regexp.MustCompile(`^[A-Z]{3}$`)
	for _, code := range listed {
		if !shape.MatchString(code) {
			t.Errorf("%q is no ISO 4217 code", code)
		}
	}
	for _, code := range []string{"JPY", "USD", "EUR", "GBP", "KWD", "BHD", "CLP", "KRW", "VED", "SLE", "ZWG", "XCG", "XOF"} {
		if !slices.Contains(listed, code) {
			t.Errorf("%s is missing", code)
		}
	}
	for _, code := range []string{"XXX", "XTS", "XAU", "XDR", "CHE", "CLF", "USN", "HRK", "DEM", "BGN", "ZWL", "SLL", "ANG"} {
		if slices.Contains(listed, code) {
			t.Errorf("nobody pays in %s", code)
		}
	}
}

func TestFSHoldsTheSchemasAndNothingElse(t *testing.T) {
	names := schemas.Names()
	if !slices.IsSorted(names) || !slices.Contains(names, "authorize.request") {
		t.Errorf("Names() = %v", names)
	}
	count := 0
	err := fs.WalkDir(schemas.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			count++
			if name := strings.TrimSuffix(strings.TrimPrefix(path, "v1/"), ".schema.json"); !slices.Contains(names, name) {
				t.Errorf("%s is no schema", path)
			}
		}
		return err
	})
	if err != nil || count != len(names) {
		t.Errorf("%d files, %d names, %v", count, len(names), err)
	}
}
