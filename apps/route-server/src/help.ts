/** What `--help` says of the configuration file; `docs/bgp.md` explains it. */
export const help = `
The configuration is YAML; * must be given. Times are whole seconds.

  name *           of this process, for people and for the peers (a-z 0-9 - .)
  asn *            our AS; in a confederation the member AS
  routerId *       an IPv4 address
  clusterId        of a reflector; replicas share it (default: routerId)
  confederation    { identifier: AS }                                           RFC 5065
  families         ipv4 ipv6 ipv4-vpn ipv6-vpn evpn route-target ipv4-flowspec ipv6-flowspec
                   (default: all)
  listen           [{ address *, port: 179, tls: false }]; several; none: only we connect
  tls              { certificate *, key *, authorities * }: PEM files
  kubeconfig       whom to ask who owns what; needed with agents (heddle:viewers is enough)
  runDir           of the admin socket (default: /run/heddle)

  agents           clients of this reflector, by range; they announce only what is their own
                   [{ name *, prefix *, identity *: { by: certificate | address, suffix },
                   peerCountMax: 1000, idleSeconds, and of a session (below) }]
  peers            [{ address *, asn or otherAsns *, port, interface, tlsName, ... }]
  dynamicPeers     who connects from a range: [{ name *, prefix *, peerCountMax *, idleSeconds,
                   tls, asn or otherAsns *, ... }]
  unnumberedPeers  the router at the other end of a link: [{ interface *, asn or otherAsns *,
                   advertisementIntervalSeconds, ... }]
  templates        { NAME: what peers that say \`template: NAME\` do not say themselves }

  who a peer is    asn, otherAsns: external or [65001, 65010-65020], reflectorClient,
                   routeServerClient, confederationMember, strictRole, passive,
                   role: provider, rs, rs-client, customer or peer (ours; RFC 9234)
  of a session     families, import, export, localAddress, nextHop4, nextHop6, nextHopSelf,
                   extendedNextHop, addPath: { send, receive, families, pathCountMax: 8 },
                   holdTimeSeconds: 9, keepaliveSeconds, delayOpenSeconds, gracefulRestart: true,
                   passwordFile, ttlSecurity, enabled: true, collisionDetectEstablished,
                   bfd: true or { txIntervalMs, rxIntervalMs, detectMultiplier, strict,
                   hopCountMax }, prefixCountMax, prefixWarningPercent, prefixRestartSeconds,
                   aigp, aigpMetric: 1 (RFC 7311), flowSpecValidation: true (RFC 8955)
  import, export   all, none, default-only, the name of a policy, or a list of policies and of
                   prefixes that pass (default: none from and to other ASes, all inside ours)

  sets             { prefixes, communities, extendedCommunities, largeCommunities, asns }, each
                   { NAME: [items] }; a name may stand wherever an item may; of prefixes also
                   { NAME: { file: PATH } } with one a line
  policies         { NAME: { terms: [{ name, match, verdict *: accept, reject or continue,
                   actions }], otherwise: accept or reject } }
  originate        [{ prefix *, nextHop, origin, med, localPref, aigp, communities,
                   extendedCommunities, largeCommunities }]

  gracefulRestart  false, or { restartSeconds: 120, deferralSeconds: 30, staleSeconds: 180,
                   longLived: [{ families, staleSeconds * }], longLivedSecondsMax: 86400,
                   longLivedPartial: false }
  timers           connectRetrySeconds, idleHoldMinSeconds, idleHoldMaxSeconds,
                   idleHoldDecaySeconds, openHoldSeconds, bfdHoldSeconds, sendHoldMinSeconds,
                   refreshStaleSeconds, refreshAnswerSeconds, membershipWaitSeconds
  kernelRoutes     { metric: 20, table }: this is a router; best routes go into the kernel
  multipath        { ebgpCountMax, ibgpCountMax, relaxAsPath } (default: 1, and 64 for a router)
  metrics          { listen: [{ address *, port * }] }: /metrics for Prometheus over TCP
  bmp              [{ host *, port *, statisticsSeconds: 60, views }]: monitoring stations; of
                   pre-policy, post-policy, loc-rib and adj-rib-out (default: pre-policy)

SIGHUP takes what is under peers, agents, dynamicPeers, unnumberedPeers, templates, sets, policies,
originate, metrics and bmp, and new certificates and passwords; the rest needs a restart.

A reflector of a cluster:
  name: rs1
  asn: 65203
  routerId: 198.18.0.21
  families: [ipv4, ipv6, ipv4-vpn, ipv6-vpn, evpn, route-target]
  kubeconfig: /etc/heddle/route-server.kubeconfig
  tls: { certificate: rs1.crt, key: rs1.key, authorities: ca.crt }
  listen:
    - { address: 0.0.0.0, port: 179, tls: true }
  agents:
    - { name: nodes, prefix: 198.18.0.0/24, identity: { by: certificate, suffix: .agents.heddle } }
  peers:
    - { address: 203.0.113.7, asn: 65300, import: all, export: [10.244.0.0/16 le 32] }
`;
