package schemas

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheLoaderFindsTheSchemasOfV1AndNothingElse(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret.schema.json")
	if err := os.WriteFile(secret, []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var l library
	for _, url := range []string{
		"file://" + secret, secret, "http://127.0.0.1:1/money.schema.json",
		"https://connectorhost.dev/schemas/v2/money.schema.json",
		"http://connectorhost.dev/schemas/v1/money.schema.json", BaseURL, BaseURL + "money",
		BaseURL + "../v1/money.schema.json",
		BaseURL + "valid/money.smallest.json", BaseURL + "/money.schema.json", "money.schema.json", "",
	} {
		if r, err := l.load(url); err == nil {
			t.Errorf("load(%q) = %v, want an error", url, r)
		}
	}
	if _, err := l.load(BaseURL + "money.schema.json"); err != nil {
		t.Error(err)
	}
	if l.document(BaseURL+"money.schema.json") == nil || l.document("file://"+secret) != nil {
		t.Error("the library remembers what it loaded, and nothing else")
	}
}
