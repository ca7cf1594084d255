package scaffold_test

import (
	"encoding/json"
	"errors"
	"go/format"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/connectorhost/connectorhost/conformance/scaffold"
	"github.com/connectorhost/connectorhost/schemas"
)

// checkout is this module.
const checkout = "../.."

func options(dir string) scaffold.Options {
	return scaffold.Options{Name: "zebra-pay2", Module: "zebra.example/pay", Dir: dir, Checkout: checkout}
}

func TestNothingOfTheTemplatesNameIsLeft(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "new")
	names, err := scaffold.New(options(dir))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"go.mod", "go.sum", "main.go", "Makefile", "README.md", ".gitignore", "conformance.yaml", "conformance_test.go",
		"cmd/zebra-pay2-simulator/main.go", "internal/connector/authorize.go", "internal/connector/schemas/config.schema.json",
		"internal/api/client.go", "internal/simulator/lanes.go",
	} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is not among the files", want)
		}
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"example-pay", "Example Pay", "conformance/scaffold", "examplepay"} {
			if strings.Contains(name+"\n"+string(text), word) {
				t.Errorf("%s says %q", name, word)
			}
		}
		if strings.HasSuffix(name, ".go") {
			if formatted, err := format.Source(text); err != nil || string(formatted) != string(text) {
				t.Errorf("%s is not formatted: %v", name, err)
			}
		}
	}
	manifest, err := os.ReadFile(filepath.Join(dir, "internal/connector/manifest.go"))
	if err != nil || !strings.Contains(string(manifest), `Name: "zebra-pay2", Version: "0.1.0", DisplayName: "Zebra Pay2"`) {
		t.Errorf("the manifest has other names: %v\n%s", err, manifest)
	}
}

func TestNewModuleNeedsWhatTheCheckoutNeeds(t *testing.T) {
	dir := t.TempDir()
	if _, err := scaffold.New(options(dir)); err != nil {
		t.Fatal(err)
	}
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	mod, ours := read(filepath.Join(dir, "go.mod")), read(filepath.Join(checkout, "go.mod"))
	lines := strings.Split(mod, "\n")
	for _, line := range strings.Split(ours, "\n") {
		need, _, _ := strings.Cut(strings.TrimSpace(line), " //")
		if strings.Contains(need, " v") && !slices.Contains(lines, "\t"+need+" // indirect") {
			t.Errorf("go.mod lacks %s", need)
		}
	}
	absolute, err := filepath.Abs(checkout)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"module zebra.example/pay\n", "\ntool " + scaffold.Module + "/conformance/cmd/conform\n",
		"\nreplace " + scaffold.Module + " => " + absolute + "\n",
	} {
		if !strings.Contains(mod, want) {
			t.Errorf("go.mod lacks %q:\n%s", want, mod)
		}
	}
	if read(filepath.Join(dir, "go.sum")) != read(filepath.Join(checkout, "go.sum")) {
		t.Error("go.sum is not the checkout's")
	}
}

func TestRefusals(t *testing.T) {
	full, file := t.TempDir(), filepath.Join(t.TempDir(), "file")
	for _, path := range []string{filepath.Join(full, "mine.txt"), file} {
		if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string]struct {
		change func(*scaffold.Options)
		want   error // nil: any
	}{
		"no name":                       {func(o *scaffold.Options) { o.Name = "" }, scaffold.ErrName},
		"upper case":                    {func(o *scaffold.Options) { o.Name = "Zebra" }, scaffold.ErrName},
		"a digit first":                 {func(o *scaffold.Options) { o.Name = "2zebra" }, scaffold.ErrName},
		"a hyphen first":                {func(o *scaffold.Options) { o.Name = "-zebra" }, scaffold.ErrName},
		"a path":                        {func(o *scaffold.Options) { o.Name = "../zebra" }, scaffold.ErrName},
		"a line break":                  {func(o *scaffold.Options) { o.Name = "zebra\n" }, scaffold.ErrName},
		"forty-one letters":             {func(o *scaffold.Options) { o.Name = strings.Repeat("z", 41) }, scaffold.ErrName},
		"a module like the library's":   {func(o *scaffold.Options) { o.Module = "net/http" }, nil},
		"a module with a space":         {func(o *scaffold.Options) { o.Module = "zebra.example/a b" }, nil},
		"no checkout":                   {func(o *scaffold.Options) { o.Checkout = full }, scaffold.ErrCheckout},
		"a checkout of something else":  {func(o *scaffold.Options) { o.Checkout = "template" }, scaffold.ErrCheckout},
		"a folder that is not empty":    {func(o *scaffold.Options) { o.Dir = full }, scaffold.ErrNotEmpty},
		"a file where the folder is to": {func(o *scaffold.Options) { o.Dir = file }, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := options(filepath.Join(t.TempDir(), "new"))
			tt.change(&o)
			names, err := scaffold.New(o)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			if len(names) > 0 {
				t.Errorf("and it wrote %v", names)
			}
		})
	}
	if entries, err := os.ReadDir(full); err != nil || len(entries) != 1 {
		t.Errorf("the folder that was not empty has %v now, %v", entries, err)
	}
}

// What may be a connector's name is decided by the manifest's schema; this is to notice
// when that decides otherwise.
func TestNamesAreThoseOfManifests(t *testing.T) {
	raw, err := schemas.Raw("manifest")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Properties struct {
			Name struct {
				Pattern   string `json:"pattern"`
				MaxLength int    `json:"maxLength"`
			} `json:"name"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(raw, &manifest); err != nil {
		t.Fatal(err)
	}
	if name := manifest.Properties.Name; name.Pattern != scaffold.NameForm || name.MaxLength != scaffold.MaxName {
		t.Errorf("a manifest's name is %q, at most %d characters", name.Pattern, name.MaxLength)
	}
}

func TestEveryNameOfAManifestWorks(t *testing.T) {
	for _, name := range []string{"a", "a-", "a--b", "type", "go", "net", "sdk", strings.Repeat("z", 40)} {
		o := options(filepath.Join(t.TempDir(), "new"))
		o.Name, o.Module = name, "example.com/"+name
		if _, err := scaffold.New(o); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
