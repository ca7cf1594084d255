package admin_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/admin"
	"github.com/connectorhost/connectorhost/host/internal/store"
)

func TestHostsAreListed(t *testing.T) {
	w := newWorld(t)
	w.send("GET", "/v1/hosts", nil).want(http.StatusOK).says(`{"items":[]}`)
	serves, err := json.Marshal([]admin.Serving{{Connector: "acme", State: "serving", Version: "1.0.0", Digest: acme.Digest, Behind: "<it> was refused"}})
	w.must(err)
	w.must(w.store.SaveHost(t.Context(), store.Host{ID: "this host", Admin: "http://a", StartedAt: noon, SeenAt: noon, Serves: serves}))
	w.must(w.store.SaveHost(t.Context(), store.Host{ID: "other", StartedAt: noon.Add(time.Second), SeenAt: noon.Add(-2 * admin.GoneAfter), Serves: []byte("[]")}))
	w.clock.advance(time.Second)
	list := w.send("GET", "/v1/hosts", nil).want(http.StatusOK).object()
	for what, want := range map[string][2]any{
		"this one":   {dig(list, "items", 0, "self"), true},
		"its state":  {dig(list, "items", 0, "state"), "here"},
		"why":        {dig(list, "items", 0, "connectors", 0, "behind"), "<it> was refused"},
		"not itself": {dig(list, "items", 1, "self"), false},
		"gone":       {dig(list, "items", 1, "state"), "gone"},
	} {
		if want[0] != want[1] {
			t.Errorf("%s: %v, want %v", what, want[0], want[1])
		}
	}
	w.operator().get("/console").want(http.StatusOK).says("Hosts", "gone", "behind", "&lt;it&gt; was refused", "this one")
}
