package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// maxNarrowing bounds the text of a schema that is not ours.
const maxNarrowing = 256 << 10

const dialect = "https://json-schema.org/draft/2020-12/schema"

// A Schema is compiled and immutable: it is safe for concurrent use.
type Schema struct {
	parts []part // a document must satisfy all of them
}

// A part is one compiled schema and the documents that it was made from, which is
// where its violations find what would have been right.
type part struct {
	compiled *jsonschema.Schema
	document func(url string) any
}

// Compile returns the named schema of v1 combined with narrowing schemas as by
// allOf. A narrowing schema may refer only to itself; an empty one, or null, narrows
// nothing.
func Compile(name string, narrowing ...json.RawMessage) (*Schema, error) {
	generic, err := shelf.compile(name)
	if err != nil {
		return nil, err
	}
	s := &Schema{parts: []part{generic}}
	for i, text := range narrowing {
		if len(text) == 0 || bytes.Equal(bytes.TrimSpace(text), []byte("null")) {
			continue
		}
		p, err := compileAlone(text)
		if err != nil {
			return nil, fmt.Errorf("schema %q: narrowing %d: %w", name, i+1, err)
		}
		s.parts = append(s.parts, p)
	}
	return s, nil
}

// CompileRaw returns a schema that is none of v1, such as a connector's config
// schema. It may refer only to itself.
func CompileRaw(schema json.RawMessage) (*Schema, error) {
	p, err := compileAlone(schema)
	if err != nil {
		return nil, err
	}
	return &Schema{parts: []part{p}}, nil
}

// compileAlone compiles text with a loader that finds nothing, which is what makes
// it unable to refer to anything but itself.
func compileAlone(text json.RawMessage) (part, error) {
	if len(text) > maxNarrowing {
		return part{}, fmt.Errorf("the schema has %d bytes, at most %d are accepted", len(text), maxNarrowing)
	}
	doc, err := decode(text)
	if err != nil {
		return part{}, err
	}
	if err := acceptable(doc); err != nil {
		return part{}, err
	}
	const url = "urn:connectorhost:narrowing"
	c := newCompiler(func(url string) (io.ReadCloser, error) {
		return nil, fmt.Errorf("refers to %s, but may refer only to itself", url)
	})
	if err := c.AddResource(url, bytes.NewReader(text)); err != nil {
		return part{}, err
	}
	compiled, err := compileSafely(c, url)
	return part{compiled, func(string) any { return doc }}, err
}

// acceptable refuses what the compiler would take but we would misread.
func acceptable(doc any) error {
	if v := unjudgeable(doc); v != nil {
		return fmt.Errorf("at %q: %s", v.Pointer, v.Message)
	}
	switch doc := doc.(type) {
	case bool:
		return nil
	case map[string]any:
		if named, ok := doc["$schema"]; ok && named != dialect && named != dialect+"#" {
			return fmt.Errorf("$schema must be %s", dialect)
		}
		return nil
	}
	return errors.New("a schema must be an object or a boolean")
}

func newCompiler(load func(url string) (io.ReadCloser, error)) *jsonschema.Compiler {
	c := jsonschema.NewCompiler()
	c.Draft = jsonschema.Draft2020
	c.AssertFormat = true
	c.LoadURL = load
	c.Formats["int64"] = isInt64
	return c
}

// compileSafely turns a panic of the compiler into an error: a schema comes from a
// connector, and no connector may stop a host.
func compileSafely(c *jsonschema.Compiler, url string) (s *jsonschema.Schema, err error) {
	defer func() {
		if r := recover(); r != nil {
			s, err = nil, fmt.Errorf("the schema cannot be compiled: %v", r)
		}
	}()
	return c.Compile(url)
}

func isInt64(v any) bool {
	n, ok := v.(json.Number)
	if !ok {
		return true
	}
	_, err := strconv.ParseInt(n.String(), 10, 64)
	return err == nil
}

// decode reads one JSON value, with numbers as they were written.
func decode(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after the JSON value")
	}
	return doc, nil
}

// A library compiles the schemas of v1, each at most once.
type library struct {
	mu        sync.Mutex
	compiler  *jsonschema.Compiler // nil until first used
	documents sync.Map             // decoded schemas by url, for explaining
}

// shelf is shared by all users: the schemas of v1 are the same for everyone.
var shelf library

func (l *library) compile(name string) (part, error) {
	if _, err := Raw(name); err != nil {
		return part{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.compiler == nil {
		l.compiler = newCompiler(l.load)
	}
	compiled, err := compileSafely(l.compiler, BaseURL+name+suffix)
	if err != nil {
		return part{}, fmt.Errorf("schema %q: %w", name, err)
	}
	return part{compiled, l.document}, nil
}

// load is the only way for a schema of v1 to reach another. It opens no file and no
// connection.
func (l *library) load(url string) (io.ReadCloser, error) {
	name, ok := nameOf(url)
	if !ok {
		return nil, fmt.Errorf("%s is not a schema of v1", url)
	}
	text, err := Raw(name)
	if err != nil {
		return nil, err
	}
	doc, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("schema %q: %w", name, err)
	}
	l.documents.Store(url, doc)
	return io.NopCloser(bytes.NewReader(text)), nil
}

func (l *library) document(url string) any {
	doc, _ := l.documents.Load(url)
	return doc
}
