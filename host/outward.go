package host

import (
	"os"
	"path/filepath"
	"strings"
)

// The variables that name the certificates to trust. They are all that a connector gets
// of the host's environment: proxies are the business of its way out.
const (
	certFile = "SSL_CERT_FILE"
	certDirs = "SSL_CERT_DIR"
)

// outward returns those that are set, as KEY=VALUE.
func outward() []string {
	var set []string
	for _, name := range []string{certFile, certDirs} {
		if value := os.Getenv(name); value != "" {
			set = append(set, name+"="+value)
		}
	}
	return set
}

// certificates are the files and directories that they name.
func certificates() []string {
	var paths []string
	for _, path := range append(strings.Split(os.Getenv(certDirs), ":"), os.Getenv(certFile)) {
		if filepath.IsAbs(path) {
			paths = append(paths, path)
		}
	}
	return paths
}
