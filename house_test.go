// Package house holds the tests of the tree itself: the folders are the diagram.
package house

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/connectorhost/connectorhost/"

// mayImport is the map of the module: each tree, and the trees of ours that its
// production code may lean on. The longest matching prefix decides. Tests may reach
// further, but a host's tests may not reach for a plugin: they start it.
var mayImport = map[string][]string{
	"schemas":         {"schemas"},
	"sdk":             {}, // the root package: standard library only
	"sdk/":            {"sdk", "schemas"},
	"conformance":     {"conformance", "sdk", "schemas"},
	"host":            {"host", "sdk", "schemas"},
	"host/cmd":        {"host", "sdk", "schemas", "conformance"},
	"plugin-smartpay": {"plugin-smartpay/internal/smartpay", "sdk", "sdk/serve"},

	// What conform new writes is held to what a plugin of one's own is.
	"conformance/scaffold":                             {},
	"conformance/scaffold/template":                    {"sdk/serve"},
	"conformance/scaffold/template/cmd":                {"conformance/scaffold/template/internal/simulator"},
	"conformance/scaffold/template/internal/connector": {"conformance/scaffold/template/internal/api", "sdk"},
	"conformance/scaffold/template/internal/api":       {},
	"conformance/scaffold/template/internal/simulator": {"conformance/sim"},

	"plugin-smartpay/internal/smartpay":    {"plugin-smartpay/internal/api", "plugin-smartpay/internal/smartpay", "sdk"},
	"plugin-smartpay/internal/api":         {"plugin-smartpay/internal/api"},
	"plugin-smartpay/internal/sandbox":     {"plugin-smartpay/internal/sandbox"},
	"plugin-smartpay/cmd/smartpay-sandbox": {"plugin-smartpay/internal/sandbox"},
}

// only names the trees that may use a module at all.
var only = map[string][]string{
	"github.com/hashicorp/go-plugin":    {"sdk/"},
	"google.golang.org/grpc":            {"sdk/"},
	"google.golang.org/protobuf":        {"sdk/"},
	"modernc.org/sqlite":                {"host/internal/store"},
	"github.com/riverqueue":             {"host/internal/jobs"},
	"github.com/jackc/pgx":              {"host/internal/store", "host/internal/jobs", "host/internal/pgserver"},
	"github.com/santhosh-tekuri":        {"schemas"},
	module + "sdk/internal/gen":         {"sdk/internal/wire", "sdk/internal/gen"},
	module + "sdk/launch":               {"sdk/launch", "host", "conformance"},
	module + "sdk/serve":                {"sdk/serve", "plugin-smartpay", "conformance"},
	module + "plugin-smartpay/internal": {"plugin-smartpay"},
}

// roots are the folders that the tree may have; everything else at the root is a file.
var roots = map[string]bool{"schemas": true, "sdk": true, "host": true, "conformance": true, "plugin-smartpay": true}

func TestImportsFollowTheMap(t *testing.T) {
	files := 0
	eachGoFile(t, func(file, dir string, imports []string) {
		files++
		for _, imp := range imports {
			if tree, ok := strings.CutPrefix(imp, module); ok && !allowed(dir, tree) {
				t.Errorf("%s imports %s: %s may lean on %v", file, tree, rule(dir), mayImport[rule(dir)])
			}
			for owned, trees := range only {
				if (imp == owned || strings.HasPrefix(imp, owned+"/")) && !within(dir, trees) {
					t.Errorf("%s imports %s, which belongs to %v", file, imp, trees)
				}
			}
			if dir == "sdk" && strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") {
				t.Errorf("%s imports %s: package sdk keeps to the standard library", file, imp)
			}
		}
	})
	if files < 50 {
		t.Fatalf("read only %d files: the walk is broken", files)
	}
}

func TestRootHasFiveFolders(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		hidden := strings.HasPrefix(e.Name(), ".")
		if e.IsDir() && !hidden && e.Name() != "bin" && !roots[e.Name()] {
			t.Errorf("folder %s at the root: the tree has five", e.Name())
		}
	}
}

func TestEveryPackageSaysWhatItPromises(t *testing.T) {
	documented := map[string]bool{}
	seen := map[string]string{}
	err := walk(func(file string) error {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		dir := filepath.Dir(file)
		seen[dir] = f.Name.Name
		if f.Doc != nil && len(f.Doc.Text()) > 40 {
			documented[dir] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir, name := range seen {
		if !documented[dir] && !strings.Contains(dir, "internal/gen") {
			t.Errorf("package %s in %s has no package comment", name, dir)
		}
	}
}

// allowed reports whether code in dir may import the given tree of ours.
func allowed(dir, tree string) bool {
	r := rule(dir)
	if tree == dir || strings.HasPrefix(tree, dir+"/internal/") {
		return true
	}
	for _, may := range mayImport[r] {
		if tree == may || strings.HasPrefix(tree, may+"/") && !(may == "sdk" && strings.HasPrefix(r, "plugin-")) {
			return true
		}
	}
	return false
}

// rule finds the longest key of mayImport that dir lies in.
func rule(dir string) string {
	best := ""
	for key := range mayImport {
		in := dir == key || strings.HasPrefix(dir, strings.TrimSuffix(key, "/")+"/")
		if strings.HasSuffix(key, "/") {
			in = strings.HasPrefix(dir, key)
		}
		if in && len(key) > len(best) {
			best = key
		}
	}
	return best
}

func within(dir string, trees []string) bool {
	for _, tree := range trees {
		if dir == tree || strings.HasPrefix(dir+"/", strings.TrimSuffix(tree, "/")+"/") && dir != strings.TrimSuffix(tree, "/") {
			return true
		}
	}
	return false
}

func eachGoFile(t *testing.T, visit func(file, dir string, imports []string)) {
	t.Helper()
	err := walk(func(file string) error {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		var imports []string
		for _, spec := range f.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			imports = append(imports, p)
		}
		visit(file, path.Dir(filepath.ToSlash(file)), imports)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// walk visits the production Go files. It reads the files themselves, so that the
// test cache notices every change.
func walk(visit func(file string) error) error {
	return filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "bin"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go"):
			return nil
		}
		return visit(p)
	})
}
