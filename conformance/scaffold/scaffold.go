// Package scaffold writes the beginning of a new connector: a module of its own with a
// connector that conforms, the client of its provider, the provider's simulator, fixtures
// and tests, for an author to turn into theirs.
//
// What it writes is folder template, with another name: code that is compiled, linted
// and tested here as all other code is. It overwrites nothing, uses no network, and
// starts no program.
package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

//go:embed template/*.go template/*.yaml template/Makefile template/README.md template/.gitignore template/cmd template/internal
var template embed.FS

// Module is the module whose contract a connector implements.
const Module = "github.com/connectorhost/connectorhost"

// What the template says where a new connector says its own.
const (
	templateModule  = Module + "/conformance/scaffold/template"
	templateName    = "example-pay"
	templateDisplay = "Example Pay"
)

// Options say what to write.
type Options struct {
	Name   string // the connector's, as in its manifest: [a-z][a-z0-9-]*, at most 40 characters
	Module string // the new module's path
	Dir    string // where to write; it must not exist, or be empty
	// Checkout is a checkout of [Module], which the new module uses in place of a
	// published version.
	Checkout string
}

var (
	// ErrName means that the name cannot be a connector's.
	ErrName = errors.New("must be lower-case letters, digits and hyphens, starting with a letter, at most 40 of them")
	// ErrNotEmpty means that there is something already where the connector would be
	// written.
	ErrNotEmpty = errors.New("exists and is not empty")
	// ErrCheckout means that the checkout is none.
	ErrCheckout = errors.New("is no checkout of " + Module)
)

// What may be a connector's name, as manifest.schema.json has it.
const (
	NameForm = `^[a-z][a-z0-9-]*$`
	MaxName  = 40
)

var (
	nameForm   = regexp.MustCompile(NameForm)
	moduleForm = regexp.MustCompile(`^[0-9A-Za-z_~-]+(\.[0-9A-Za-z_~-]+)+(/[0-9A-Za-z._~-]+)*$`)
)

// New writes a connector and returns the files, relative to the folder. If it fails, it
// may have written some of them.
func New(o Options) ([]string, error) {
	if !nameForm.MatchString(o.Name) || len(o.Name) > MaxName {
		return nil, fmt.Errorf("name %q: %w", o.Name, ErrName)
	}
	if !moduleForm.MatchString(o.Module) {
		return nil, fmt.Errorf("module %q: must be a path whose first part has a dot, such as example.com/%s", o.Module, o.Name)
	}
	files, err := render(o)
	if err != nil {
		return nil, err
	}
	own, err := moduleFiles(o)
	if err != nil {
		return nil, err
	}
	if err := vacant(o.Dir); err != nil {
		return nil, err
	}
	var names []string
	for _, f := range append(own, files...) {
		to := filepath.Join(o.Dir, filepath.FromSlash(f.name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return names, err
		}
		if err := os.WriteFile(to, f.text, 0o644); err != nil { //nolint:gosec // source code is to be read
			return names, err
		}
		names = append(names, f.name)
	}
	return names, nil
}

// vacant fails if anything is at dir but an empty folder.
func vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(entries) > 0:
		return fmt.Errorf("%s %w: choose another folder with --dir, or remove it", dir, ErrNotEmpty)
	}
	return nil
}

// A file is named by its path in the new module, with slashes.
type file struct {
	name string
	text []byte
}

// render is the template in the new connector's name.
func render(o Options) ([]file, error) {
	inOurs := strings.NewReplacer(templateModule, o.Module, templateName, o.Name, templateDisplay, display(o.Name))
	var files []file
	err := fs.WalkDir(template, "template", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := template.ReadFile(p)
		if err != nil {
			return err
		}
		text := []byte(inOurs.Replace(string(raw)))
		if path.Ext(p) == ".go" { // imports are sorted by names, which are others now
			if text, err = format.Source(text); err != nil {
				return fmt.Errorf("%s: %w", p, err)
			}
		}
		files = append(files, file{inOurs.Replace(strings.TrimPrefix(p, "template/")), text})
		return nil
	})
	return files, err
}

// display is a name for people: "acme-pay" is "Acme Pay".
func display(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return r == '-' })
	for i, word := range words {
		words[i] = strings.ToUpper(word[:1]) + word[1:]
	}
	return strings.Join(words, " ")
}

// IsCheckout reports whether dir is the folder of a checkout of [Module].
func IsCheckout(dir string) bool {
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && bytes.HasPrefix(mod, []byte("module "+Module+"\n"))
}

// moduleFiles are go.mod and go.sum: what the checkout needs, the new module needs.
// "go mod tidy" leaves of it what is used.
func moduleFiles(o Options) ([]file, error) {
	checkout, err := filepath.Abs(o.Checkout)
	if err != nil {
		return nil, err
	}
	if !IsCheckout(checkout) {
		return nil, fmt.Errorf("%s %w", checkout, ErrCheckout)
	}
	mod, err := os.ReadFile(filepath.Join(checkout, "go.mod"))
	if err != nil {
		return nil, err
	}
	sum, err := os.ReadFile(filepath.Join(checkout, "go.sum"))
	if err != nil {
		return nil, err
	}
	return []file{{"go.mod", goMod(o.Module, checkout, mod)}, {"go.sum", sum}}, nil
}

var (
	goLine      = regexp.MustCompile(`(?m)^go \S+$`)
	requireLine = regexp.MustCompile(`(?m)^(?:require )?\s*([^\s/]+\.[^\s]+ v\S+)(?: // indirect)?$`)
)

func goMod(module, checkout string, theirs []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "module %s\n\n%s\n\n", module, goLine.Find(theirs))
	fmt.Fprintf(&b, "// The conformance suite: go tool conform.\ntool %s/conformance/cmd/conform\n\n", Module)
	fmt.Fprintf(&b, "require %s v0.0.0\n\nrequire (\n", Module)
	for _, required := range requireLine.FindAllSubmatch(theirs, -1) {
		fmt.Fprintf(&b, "\t%s // indirect\n", required[1])
	}
	fmt.Fprintf(&b, ")\n\n// %s is not published yet; this is a checkout of it.\nreplace %s => %s\n", Module, Module, quoted(checkout))
	return b.Bytes()
}

// quoted is a path as go.mod takes it.
func quoted(p string) string {
	if strings.ContainsAny(p, " \t\"'`(){}[],;") {
		return fmt.Sprintf("%q", p)
	}
	return p
}
