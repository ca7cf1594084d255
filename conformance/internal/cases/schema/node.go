package schema

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/schemas"
	"github.com/connectorhost/connectorhost/sdk"
)

// A node is a schema that says something about a value, and the document that it is in.
type node struct {
	says map[string]any
	root map[string]any
}

// rules are what binds an operation's requests: compiled, and as text to make requests from.
type rules struct {
	compiled *schemas.Schema
	nodes    []node
}

// rulesOf combines the contract's schema of an operation with what the manifest adds.
func rulesOf(m sdk.Manifest, op sdk.Operation) (rules, error) {
	facts, err := schemas.ManifestFacts(m)
	if err != nil {
		return rules{}, fmt.Errorf("%w: %w", suite.ErrSuite, err)
	}
	name := string(op) + ".request"
	own, err := schemas.Raw(name)
	if err != nil {
		return rules{}, fmt.Errorf("%w: %w", suite.ErrSuite, err)
	}
	compiled, err := schemas.Compile(name, facts[string(op)], m.RequestSchemas[op])
	if err != nil {
		return rules{}, suite.Brokenf("compiling the request schema of "+string(op), "a JSON Schema", "%v", err)
	}
	r := rules{compiled: compiled}
	for _, text := range []json.RawMessage{own, facts[string(op)], m.RequestSchemas[op]} {
		if n, ok := read(text); ok {
			r.nodes = append(r.nodes, n)
		}
	}
	return r, nil
}

// read parses a schema that is a document of its own.
func read(text json.RawMessage) (node, bool) {
	var says map[string]any
	if json.Unmarshal(text, &says) != nil || len(says) == 0 {
		return node{}, false
	}
	return node{says, says}, true
}

// expand adds to nodes what they refer to and what they combine.
func expand(nodes []node) []node {
	all := slices.Clone(nodes)
	for i := 0; i < len(all) && i < 100; i++ {
		n := all[i]
		if ref, ok := n.says["$ref"].(string); ok {
			if target, ok := n.follow(ref); ok {
				all = append(all, target)
			}
		}
		for _, part := range list(n.says["allOf"]) {
			if says, ok := part.(map[string]any); ok {
				all = append(all, node{says, n.root})
			}
		}
	}
	return all
}

// follow finds what a reference names: a file of the contract, or a part of the document.
func (n node) follow(ref string) (node, bool) {
	file, fragment, _ := strings.Cut(ref, "#")
	target := n
	if file != "" {
		var ok bool
		if target, ok = contract(file); !ok {
			return node{}, false
		}
	}
	at := target.root
	for _, step := range strings.Split(strings.TrimPrefix(fragment, "/"), "/") {
		if step == "" {
			continue
		}
		next, ok := at[step].(map[string]any)
		if !ok {
			return node{}, false
		}
		at = next
	}
	return node{at, target.root}, true
}

// files keeps those of the contract that were read: each is referred to often.
var files sync.Map // name -> node

func contract(file string) (node, bool) {
	if known, ok := files.Load(file); ok {
		return known.(node), true //nolint:forcetypeassert // nothing else is stored
	}
	text, err := schemas.Raw(strings.TrimSuffix(file, ".schema.json"))
	if err != nil {
		return node{}, false
	}
	n, ok := read(text)
	if ok {
		files.Store(file, n)
	}
	return n, ok
}

// field are the nodes about a field of an object, nil if none knows it.
func field(nodes []node, name string) []node {
	var about []node
	for _, n := range nodes {
		properties, _ := n.says["properties"].(map[string]any)
		if says, ok := properties[name].(map[string]any); ok {
			about = append(about, node{says, n.root})
		}
	}
	return about
}

// inner are the nodes about the items of a list or the values of a map.
func inner(nodes []node, keyword string) []node {
	var about []node
	for _, n := range nodes {
		if says, ok := n.says[keyword].(map[string]any); ok {
			about = append(about, node{says, n.root})
		}
	}
	return about
}

// fields are the names of an object's fields, in order.
func fields(nodes []node) []string {
	var names []string
	for _, n := range nodes {
		properties, _ := n.says["properties"].(map[string]any)
		for name := range properties {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// kind is the type of the values, "" if the nodes do not say.
func kind(nodes []node) string {
	for _, n := range nodes {
		switch kind := n.says["type"].(type) {
		case string:
			return kind
		case []any:
			if first, ok := kind[0].(string); ok {
				return first
			}
		}
	}
	for _, n := range nodes {
		if _, ok := n.says["properties"]; ok {
			return "object"
		}
		if _, ok := n.says["enum"]; ok {
			return "string"
		}
	}
	return ""
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// least and most are the tightest bound that the nodes set by a keyword.
func least(nodes []node, keyword string, otherwise int64) int64 {
	bound := otherwise
	for _, n := range nodes {
		if v, ok := n.says[keyword].(float64); ok {
			bound = max(bound, int64(v))
		}
	}
	return bound
}

func most(nodes []node, keyword string, otherwise int64) int64 {
	bound := otherwise
	for _, n := range nodes {
		if v, ok := n.says[keyword].(float64); ok && v < 1<<62 {
			bound = min(bound, int64(v))
		}
	}
	return bound
}

// words are the values of the tightest enum or const, nil if there is none.
func words(nodes []node) []any {
	var words []any
	for _, n := range nodes {
		set := list(n.says["enum"])
		if c, ok := n.says["const"]; ok {
			set = []any{c}
		}
		if len(set) > 0 && (words == nil || len(set) < len(words)) {
			words = set
		}
	}
	return words
}

// has reports whether one of the nodes has a keyword with the value.
func has(nodes []node, keyword string, value any) bool {
	return slices.ContainsFunc(nodes, func(n node) bool { return n.says[keyword] == value })
}

// patterns are those that a text must match.
func patterns(nodes []node) []string {
	var all []string
	for _, n := range nodes {
		if p, ok := n.says["pattern"].(string); ok {
			all = append(all, p)
		}
	}
	return all
}
