package schema

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/schemas"
	"github.com/connectorhost/connectorhost/sdk"
)

func illIsRefused(op sdk.Operation) suite.Case {
	return suite.Case{
		ID: fmt.Sprintf("schema/%s-ill", op), Requirement: "PC-SCH-002", Profile: suite.Core, Needs: []sdk.Operation{op},
		Rule: fmt.Sprintf("Every %s request that is wrong in one place is refused, naming the place, and sends nothing.", op),
		Why:  "A merchant who is told which field can mend it; one who is not opens a ticket.",
		Run: func(ctx context.Context, l *suite.Lane) error {
			w, err := open(l, op)
			if err != nil {
				return err
			}
			full, err := w.full()
			if err != nil {
				return err
			}
			mark, tried := l.Mark(), 0
			for _, path := range paths(full) {
				if strings.HasPrefix(pointer(path), "/call/account") {
					continue // the account's own cases try it
				}
				n, err := w.spoil(ctx, full, path)
				if err != nil {
					return err
				}
				tried += n
			}
			if tried == 0 {
				return fmt.Errorf("%w: nothing could be made wrong", suite.ErrSuite)
			}
			return l.Nothing(fmt.Sprintf("%d ill %s requests", tried, op), mark)
		},
	}
}

// spoil makes everything of a request wrong in one place, and reports how many that
// were. What has another type than it can have does not travel, and is left out.
func (w *workshop) spoil(ctx context.Context, full map[string]any, path []string) (int, error) {
	tried := 0
	for _, how := range append([]any{removed{}}, ills(at(full, path))...) {
		doc, err := without(full, path)
		if _, remove := how.(removed); err == nil && !remove {
			doc, err = with(full, path, how)
		}
		if err != nil {
			return tried, err
		}
		q, err := decode(w.op, doc, w.lane.Account)
		if err != nil {
			continue
		}
		found := w.compiled.ValidateValue(q.value)
		if len(found) == 0 {
			continue
		}
		tried++
		step := fmt.Sprintf("%s with %s %s", w.op, pointer(path), said(how))
		mark := w.lane.Mark()
		_, err = q.send(ctx, w.lane.Remote)
		wrong := suite.Named(step, err, found[0].Pointer)
		if record := w.lane.Proxy.Since(mark); !record.Silent() {
			wrong = errors.Join(wrong, suite.Brokenf(step, "the provider to hear nothing", "%d requests", len(record.Exchanges)))
		}
		if wrong != nil {
			return tried, wrong
		}
	}
	return tried, nil
}

// removed stands for a field that is not there.
type removed struct{}

func said(how any) string {
	if _, gone := how.(removed); gone {
		return "missing"
	}
	text, err := json.Marshal(how)
	if err != nil {
		return "unsayable"
	}
	return fmt.Sprintf("being %.40s", text)
}

// ills are values to put in the place of one.
func ills(value any) []any {
	switch value := value.(type) {
	case string:
		all := []any{"", " ", "\x00", "line\nbreak", "\u007f", "\ufffd", "whatever", strings.ToLower(value), strings.ToUpper(value), value + "\r\nX: y"}
		for _, n := range []int{23, 36, 51, 65, 256, 321, 2049, 8193, 10_001} {
			all = append(all, strings.Repeat("x", n))
		}
		return all
	case float64:
		return []any{-1, 0, -1 << 63, uint64(1<<63 - 1), 1 << 53}
	case []any:
		long := slices.Repeat(value, 300/max(1, len(value)))
		return []any{[]any{}, long, []any{nil}}
	case map[string]any:
		many := map[string]any{}
		for i := range 101 {
			many["k"+strconv.Itoa(i)] = "v"
		}
		return []any{map[string]any{}, many, map[string]any{"": "v"}, map[string]any{strings.Repeat("k", 256): "v"}}
	}
	return nil
}

// full is the base with as much as can be said.
func (w *workshop) full() (map[string]any, error) {
	doc := maps.Clone(w.base)
	nodes := expand(w.nodes)
	for _, name := range fields(nodes) {
		if _, there := doc[name]; there || name == "token" { // one of our making is nobody's
			continue
		}
		for range 30 {
			v := w.value(field(nodes, name))
			if v == nil {
				continue
			}
			more := maps.Clone(doc)
			more[name] = v
			if _, ok := w.judge(more); ok && !empty(v) {
				doc = more
				break
			}
		}
	}
	return clone(doc)
}

func empty(v any) bool {
	switch v := v.(type) {
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

func clone(doc map[string]any) (map[string]any, error) { return document(doc) }

// paths lists every place in a document, in order.
func paths(v any) [][]string {
	var all [][]string
	add := func(name string, v any) {
		all = append(all, []string{name})
		for _, p := range paths(v) {
			all = append(all, append([]string{name}, p...))
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			add(name, v[name])
		}
	case []any:
		for i, item := range v {
			add(strconv.Itoa(i), item)
		}
	}
	return all
}

func pointer(path []string) string { return schemas.Pointer(path...) }

// at is the value at a place.
func at(v any, path []string) any {
	for _, step := range path {
		switch holder := v.(type) {
		case map[string]any:
			v = holder[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(holder) {
				return nil
			}
			v = holder[i]
		}
	}
	return v
}

// with is a copy of a document with another value at a place.
func with(doc map[string]any, path []string, value any) (map[string]any, error) {
	doc, err := clone(doc)
	if err != nil {
		return nil, err
	}
	last := path[len(path)-1]
	switch holder := at(doc, path[:len(path)-1]).(type) {
	case map[string]any:
		holder[last] = value
	case []any:
		i, err := strconv.Atoi(last)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", suite.ErrSuite, err)
		}
		holder[i] = value
	}
	return doc, nil
}

// without is a copy of a document without what is at a place; an item of a list leaves
// null behind.
func without(doc map[string]any, path []string) (map[string]any, error) {
	copied, err := with(doc, path, nil)
	if err != nil {
		return nil, err
	}
	if holder, ok := at(copied, path[:len(path)-1]).(map[string]any); ok {
		delete(holder, path[len(path)-1])
	}
	return copied, nil
}
