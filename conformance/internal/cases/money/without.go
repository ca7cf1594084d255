package money

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// without takes every member that says an amount out of a JSON text, in whichever way a
// provider writes it: minor units or a decimal, a number or a text. It returns the text
// and how many members it has taken.
func without(text []byte, minor int64) ([]byte, int) {
	var tree any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if d.Decode(&tree) != nil {
		return text, 0
	}
	removed := prune(tree, strconv.FormatInt(minor, 10))
	pruned, err := json.Marshal(tree)
	if err != nil {
		return text, 0
	}
	return pruned, removed
}

func prune(at any, digits string) int {
	removed := 0
	switch value := at.(type) {
	case map[string]any:
		for name, member := range value {
			if says(member, digits) {
				delete(value, name)
				removed++
				continue
			}
			removed += prune(member, digits)
		}
	case []any:
		for _, item := range value {
			removed += prune(item, digits)
		}
	}
	return removed
}

// says reports whether a value is the amount: alone, or as an object in which it stands
// with its currency.
func says(value any, digits string) bool {
	if object, ok := value.(map[string]any); ok {
		for _, member := range object {
			if says(member, digits) && len(object) == 2 {
				return true
			}
		}
		return false
	}
	switch value.(type) {
	case string, json.Number:
		return strings.TrimLeft(strings.Replace(fmt.Sprint(value), ".", "", 1), "0") == digits
	}
	return false
}
