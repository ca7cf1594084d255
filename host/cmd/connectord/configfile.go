package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"
)

// settingsFile is a YAML file of settings. A key is a flag's name, and counts for every
// command that has the flag; below a command's name it counts for that command alone:
//
//	data-dir: /var/lib/connectord
//	serve:
//	  listen: 0.0.0.0:8080
//
// A flag wins over a variable, a variable over the file, the file over the default. A
// key that no command knows is an error: what is misspelt must not count as unset.
type settingsFile struct {
	name string
	keys map[string]any
}

// readSettings reads a file of settings.
func readSettings(r io.Reader) (kong.Resolver, error) {
	s := settingsFile{name: "settings", keys: map[string]any{}}
	if file, ok := r.(interface{ Name() string }); ok {
		s.name = file.Name()
	}
	if err := yaml.NewDecoder(r).Decode(&s.keys); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	return s, nil
}

// Resolve returns what the file says of a flag, or nil.
func (s settingsFile) Resolve(_ *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
	for _, variable := range flag.Envs {
		if _, set := os.LookupEnv(variable); set {
			return nil, nil
		}
	}
	section := s.keys
	for _, command := range commandsTo(parent.Node()) {
		section, _ = section[command].(map[string]any)
	}
	value, ok := section[flag.Name]
	if !ok {
		value = s.keys[flag.Name]
	}
	if _, isSection := value.(map[string]any); isSection {
		return nil, fmt.Errorf("%s: must be a value, not a section", s.name)
	}
	return value, nil
}

// commandsTo are the words that lead to a node of the command line.
func commandsTo(node *kong.Node) []string {
	var words []string
	for ; node != nil && node.Type != kong.ApplicationNode; node = node.Parent {
		words = append(words, node.Name)
	}
	slices.Reverse(words)
	return words
}

// Validate names every key that no command knows.
func (s settingsFile) Validate(app *kong.Application) error {
	everywhere := map[string]bool{}
	gather(app.Node, everywhere)
	return s.check(s.keys, app.Node, everywhere, nil)
}

// gather collects the names of the flags of a node and all below it.
func gather(node *kong.Node, into map[string]bool) {
	for _, flag := range node.Flags {
		into[flag.Name] = flag.Name != "help" && flag.Name != "config"
	}
	for _, child := range node.Children {
		gather(child, into)
	}
}

// check goes through a section, in which the flags of known may be set.
func (s settingsFile) check(section map[string]any, node *kong.Node, known map[string]bool, path []string) error {
	var wrong []error
	for _, key := range slices.Sorted(maps.Keys(section)) {
		at := append(slices.Clone(path), key)
		below, isSection := section[key].(map[string]any)
		command := slices.IndexFunc(node.Children, func(c *kong.Node) bool { return c.Name == key })
		switch {
		case isSection && command >= 0:
			child := node.Children[command]
			flags := map[string]bool{}
			gather(child, flags)
			wrong = append(wrong, s.check(below, child, flags, at))
		case isSection || !known[key]:
			wrong = append(wrong, fmt.Errorf("%s: there is no setting %s%s", s.name, strings.Join(at, "."), hint(key, known)))
		}
	}
	return errors.Join(wrong...)
}

// hint is the setting that was meant, where that is likely.
func hint(key string, known map[string]bool) string {
	meant := strings.ToLower(strings.ReplaceAll(key, "_", "-"))
	if known[meant] {
		return ", did you mean " + meant + "?"
	}
	return ""
}
