package host

import (
	"slices"
	"testing"
)

func TestConnectorsAreToldTheCertificatesAndNothingElse(t *testing.T) {
	t.Setenv(certFile, "/etc/own/ca.pem")
	t.Setenv(certDirs, "/etc/own/ca:relative:/opt/ca")
	t.Setenv("HTTPS_PROXY", "http://user:password@proxy.example:3128")
	t.Setenv("CONNECTORD_DATA_DIR", "/somewhere")
	want := []string{"SSL_CERT_FILE=/etc/own/ca.pem", "SSL_CERT_DIR=/etc/own/ca:relative:/opt/ca"}
	if got := outward(); !slices.Equal(got, want) {
		t.Errorf("connectors get %v, want %v", got, want)
	}
	if got, want := certificates(), []string{"/etc/own/ca", "/opt/ca", "/etc/own/ca.pem"}; !slices.Equal(got, want) {
		t.Errorf("connectors may read %v, want %v", got, want)
	}
}
