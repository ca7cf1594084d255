package text

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/url"
	"strings"

	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
)

// arrived reports whether a text is in what was sent: by itself, or as a whole line of a
// longer text.
func arrived(writes []proxy.Exchange, text string) bool {
	for _, x := range writes {
		for _, said := range texts(x.Request) {
			if strings.Contains(said, text) {
				return true
			}
		}
	}
	return false
}

// texts are all texts in a request's body, decoded: of JSON, of a form, of XML, or the
// body itself.
func texts(r proxy.Request) []string {
	var tree any
	if json.Unmarshal(r.Body, &tree) == nil {
		return leaves(tree)
	}
	if form, err := url.ParseQuery(string(r.Body)); err == nil && strings.Contains(string(r.Body), "=") {
		var all []string
		for name, values := range form {
			all = append(append(all, name), values...)
		}
		return all
	}
	return append(characterData(r.Body), string(r.Body))
}

// leaves are the texts in a JSON tree, names included.
func leaves(tree any) []string {
	var all []string
	switch value := tree.(type) {
	case string:
		all = append(all, value)
	case map[string]any:
		for name, member := range value {
			all = append(append(all, name), leaves(member)...)
		}
	case []any:
		for _, item := range value {
			all = append(all, leaves(item)...)
		}
	}
	return all
}

func characterData(body []byte) []string {
	var all []string
	d := xml.NewDecoder(strings.NewReader(string(body)))
	for {
		token, err := d.Token()
		if err != nil {
			return all
		}
		if data, ok := token.(xml.CharData); ok {
			all = append(all, string(data))
		}
	}
}

// nearest is what was sent that begins, or ends, as a text does: what became of it.
func nearest(writes []proxy.Exchange, text string) string {
	const enough = 2
	runes := []rune(text)
	if len(runes) < enough {
		return "it is not in what was sent"
	}
	begins, ends := string(runes[:enough]), string(runes[len(runes)-enough:])
	for _, x := range writes {
		for _, said := range texts(x.Request) {
			if strings.HasPrefix(said, begins) || strings.HasSuffix(said, ends) {
				return fmt.Sprintf("it arrived as %s", shown(said))
			}
		}
	}
	return "it is not in what was sent"
}
