package schemas_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/connectorhost/connectorhost/schemas"
)

// A broken document, with what is wrong with it: see README.md.
type broken struct {
	Rule     string
	Pointer  string
	Keyword  string
	Document json.RawMessage
}

// each calls check with every file of a folder of v1 and the schema it is named after.
func each(t *testing.T, folder string, check func(t *testing.T, schema string, text []byte)) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("v1", folder, "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files in v1/%s: %v", folder, err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		schema := name[:strings.LastIndexByte(name, '.')]
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			check(t, schema, text)
		})
	}
}

func TestValidDocumentsPass(t *testing.T) {
	covered := make(map[string]bool)
	each(t, "valid", func(t *testing.T, schema string, text []byte) {
		covered[schema] = true
		if found := compile(t, schema).Validate(decode(t, text)); found != nil {
			t.Errorf("refused: %v", found)
		}
	})
	for _, name := range schemas.Names() {
		if !covered[name] {
			t.Errorf("%s has no valid document", name)
		}
	}
}

func TestInvalidDocumentsFailForExactlyTheStatedReason(t *testing.T) {
	each(t, "invalid", func(t *testing.T, schema string, text []byte) {
		b := readBroken(t, text)
		if b.Rule == "" || b.Keyword == "" {
			t.Fatal("an invalid document needs its rule and keyword")
		}
		found := compile(t, schema).Validate(decode(t, b.Document))
		if len(found) != 1 || found[0].Pointer != b.Pointer || found[0].Keyword != b.Keyword {
			t.Fatalf("got %v, want only %s at %q", found, b.Keyword, b.Pointer)
		}
		if found[0].Message == "" || !slices.Contains(schemas.Reasons(), found[0].Reason()) {
			t.Errorf("message %q, reason %q", found[0].Message, found[0].Reason())
		}
	})
}

func TestEveryRequiredFieldHasAnInvalidDocument(t *testing.T) {
	missing := make(map[string]bool)
	each(t, "invalid", func(t *testing.T, schema string, text []byte) {
		if b := readBroken(t, text); b.Keyword == "required" {
			missing[schema+" "+b.Pointer] = true
		}
	})
	for _, name := range schemas.Names() {
		if !strings.HasSuffix(name, ".request") && !strings.HasPrefix(name, "http.") {
			continue
		}
		for _, pointer := range compile(t, name).RequiredPointers() {
			if isPayload(name) && !missing[name+" "+pointer] {
				t.Errorf("%s: no invalid document lacks %s", name, pointer)
			}
		}
	}
}

// isPayload tells payloads from the definitions that they share.
func isPayload(name string) bool {
	return strings.HasSuffix(name, ".request") || slices.Contains([]string{
		"http.transaction-create", "http.transaction-capture-create", "http.transaction-refund-create",
		"http.payment-service-create", "http.payment-service-update",
		"http.transaction", "http.refund", "http.error", "http.page",
	}, name)
}

func readBroken(t *testing.T, text []byte) broken {
	t.Helper()
	var b broken
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatal(err)
	}
	return b
}
