package sandbox

import (
	"bytes"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The provider's documentation says that form-encoded bodies are accepted too;
// none of its clients sends any, and how objects are nested in one is [UNK].
// Here it is shippingInfo[address][line1] and items[0][name], as is usual.

// maxFormIndex bounds a list in a form, so that items[999999999] costs nothing.
const maxFormIndex = 1000

// isForm tells a form from JSON. Command-line clients call JSON a form unless
// told otherwise, so what looks like an object is one.
func isForm(contentType string, body []byte) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	body = bytes.TrimSpace(body)
	return strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded") &&
		len(body) > 0 && body[0] != '{' && body[0] != '['
}

var formStep = regexp.MustCompile(`^\[([^\[\]]*)\]`)

// decodeForm reads a form as the object it stands for. Every value is a text.
func decodeForm(body []byte) (map[string]any, error) {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	root := map[string]any{}
	for name, given := range values {
		path, ok := formPath(name)
		if !ok {
			return nil, malformed("the form has a field that cannot be understood: " + name)
		}
		plant(root, path, given)
	}
	grown, _ := lists(root).(map[string]any)
	return grown, nil
}

func formPath(name string) ([]string, bool) {
	first, rest := name, ""
	if i := strings.IndexByte(name, '['); i >= 0 {
		first, rest = name[:i], name[i:]
	}
	path := []string{first}
	for rest != "" {
		step := formStep.FindStringSubmatch(rest)
		if step == nil {
			return nil, false
		}
		path, rest = append(path, step[1]), rest[len(step[0]):]
	}
	return path, first != ""
}

// plant puts a value in its place; the last of several wins, but a path that
// ends in [] keeps them all.
func plant(at map[string]any, path, given []string) {
	for _, step := range path[:len(path)-1] {
		next, ok := at[step].(map[string]any)
		if !ok {
			next = map[string]any{}
			at[step] = next
		}
		at = next
	}
	last := path[len(path)-1]
	if last != "" {
		at[last] = given[len(given)-1]
		return
	}
	for i, value := range given {
		at[strconv.Itoa(i)] = value
	}
}

// lists turns objects whose fields are all numbers into lists.
func lists(value any) any {
	object, ok := value.(map[string]any)
	if !ok {
		return value
	}
	var indices []int
	for name, inner := range object {
		object[name] = lists(inner)
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < maxFormIndex {
			indices = append(indices, i)
		}
	}
	if len(indices) == 0 || len(indices) != len(object) {
		return object
	}
	slices.Sort(indices)
	list := make([]any, len(indices))
	for at, i := range indices {
		list[at] = object[strconv.Itoa(i)]
	}
	return list
}

// number reads a value as a number: in a form, a text of digits is one.
func (in input) number(name string) (json.Number, bool) {
	if text, isText := in.fields[name].(string); isText && in.form {
		return json.Number(text), true
	}
	number, ok := in.fields[name].(json.Number)
	return number, ok
}
