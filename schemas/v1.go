package schemas

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// BaseURL is what the $id of every schema of v1 starts with. It is a name: nothing
// is ever fetched from there.
const BaseURL = "https://connectorhost.dev/schemas/v1/"

const suffix = ".schema.json"

//go:embed v1/*.schema.json
var files embed.FS

// FS returns the schema files, at "v1/money.schema.json" and so on.
func FS() fs.FS { return files }

// Names lists the schemas of v1 in alphabetical order.
func Names() []string {
	entries, err := files.ReadDir("v1")
	if err != nil { // an embedded folder can always be listed
		return nil
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), suffix)
	}
	slices.Sort(names)
	return names
}

// Raw returns the text of the named schema, or an error that wraps fs.ErrNotExist.
func Raw(name string) ([]byte, error) {
	text, err := files.ReadFile(path.Join("v1", name+suffix))
	if err != nil || strings.ContainsRune(name, '/') {
		return nil, fmt.Errorf("schema %q: %w", name, fs.ErrNotExist)
	}
	return text, nil
}

// nameOf returns the name of the schema whose $id is url.
func nameOf(url string) (name string, ok bool) {
	file, ok := strings.CutPrefix(url, BaseURL)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(file, suffix)
}
