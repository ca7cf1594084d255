//go:build !race

package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// order asks for a swap and expects a status.
func (r *running) order(t *testing.T, want int, body string) map[string]any {
	t.Helper()
	status, answer := r.operate(t, http.MethodPost, "/v1/connectors/smartpay/swap", strings.NewReader(body))
	if status != want {
		t.Fatalf("swap %s: %d %v, want %d", body, status, answer, want)
	}
	return answer
}

// A day of an operator, with a host that is killed in between.
func TestOperatorsAreAnsweredTheSameAcrossRestarts(t *testing.T) {
	dir := t.TempDir()
	r := startDev(t, dir)
	_, before := r.operate(t, http.MethodGet, "/v1/connectors/smartpay", nil)
	first, _ := before["digest"].(string)
	other := filepath.Join(t.TempDir(), "plugin-smartpay")
	if err := build(other, "../../../plugin-smartpay", "-ldflags=-s -w"); err != nil {
		t.Fatal(err)
	}
	status, release := r.install(t, other)
	if status != http.StatusOK {
		t.Fatalf("installing: %d %v", status, release)
	}
	second, _ := release["digest"].(string)

	made := r.order(t, http.StatusOK, `{"release":"`+second+`","request_id":"monday"}`)
	if again := r.order(t, http.StatusOK, `{"release":"`+second+`","request_id":"monday"}`); at(again, "to.generation") != at(made, "to.generation") {
		t.Errorf("asked again: %v, want what it was: %v", again, made)
	}
	r.order(t, http.StatusConflict, `{"release":"`+first+`","request_id":"monday"}`)
	for name, digest := range map[string]string{"what serves": second, "what is warm": first} {
		if status, answer := r.operate(t, http.MethodDelete, "/v1/releases/"+digest, nil); status != http.StatusConflict {
			t.Errorf("removing %s: %d %v, want a refusal", name, status, answer)
		}
	}

	status, back := r.operate(t, http.MethodPost, "/v1/connectors/smartpay/rollback", nil)
	if status != http.StatusOK || at(back, "to.digest") != first || at(back, "to.generation") != before["generation"] {
		t.Fatalf("rollback: %d %v, want generation %v of %.12s to serve again", status, back, before["generation"], first)
	}
	if status, answer := r.operate(t, http.MethodPost, "/v1/connectors/smartpay/rollback", nil); status != http.StatusNotFound {
		t.Errorf("rolling back twice: %d %v, want that nothing served before", status, answer)
	}
	r.create(t)

	r.end(t, syscall.SIGKILL)
	r = startDev(t, dir)
	_, now := r.operate(t, http.MethodGet, "/v1/connectors/smartpay", nil)
	// With another release first there would be one beside it, replaced and warm.
	if now["digest"] != first || now["state"] != "serving" || now["others"] != nil {
		t.Errorf("after the restart %v is %v beside %v, want the release that was gone back to", now["digest"], now["state"], now["others"])
	}
	if again := r.order(t, http.StatusOK, `{"release":"`+second+`","request_id":"monday"}`); at(again, "to.generation") != at(made, "to.generation") {
		t.Errorf("asked again after the restart: %v, want what it was: %v", again, made)
	}
	if status, answer := r.operate(t, http.MethodDelete, "/v1/releases/"+second, nil); status != http.StatusOK {
		t.Errorf("removing what is not in use: %d %v", status, answer)
	}
	if status, answer := r.operate(t, http.MethodPost, "/v1/connectors/smartpay/unpark", strings.NewReader(`{"subject":"op-1"}`)); status != http.StatusNotFound {
		t.Errorf("unparking what is not parked: %d %v", status, answer)
	}
	if status, answer := r.operate(t, http.MethodPost, "/v1/connectors/smartpay/activate", strings.NewReader(`{"release":"`+first+`"}`)); status != http.StatusConflict {
		t.Errorf("activating what is active: %d %v", status, answer)
	}
	r.create(t)
}
