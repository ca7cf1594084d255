package host

import (
	"slices"
	"testing"
)

func TestConnectorsAreToldTheWayOutAndNothingElse(t *testing.T) {
	for _, name := range outwardNames {
		t.Setenv(name, "")
	}
	t.Setenv("HTTPS_PROXY", "http://proxy.example:3128")
	t.Setenv("NO_PROXY", "127.0.0.1")
	t.Setenv("CONNECTORD_DATA_DIR", "/somewhere")
	want := []string{"HTTPS_PROXY=http://proxy.example:3128", "NO_PROXY=127.0.0.1"}
	if got := outward(); !slices.Equal(got, want) {
		t.Errorf("connectors get %v, want %v", got, want)
	}
}
