package host

import "os"

// outwardNames are the variables that say how to get out of this machine: proxies and
// trusted certificates. They are all that a connector gets of the host's environment.
var outwardNames = []string{
	"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
}

// outward returns those that are set, as KEY=VALUE.
func outward() []string {
	var set []string
	for _, name := range outwardNames {
		if value := os.Getenv(name); value != "" {
			set = append(set, name+"="+value)
		}
	}
	return set
}
