/** What stands behind the API where everything is real but the cloud: servers of Postgres and Valkey, and a process for each service. */
import { openApps } from "../../local/apps/apps.ts";
import { openServers } from "../../local/servers/backing.ts";
import { temporaryHome } from "../../local/servers/testing/servers.ts";

export function openRealBacking() {
  const home = temporaryHome();
  const servers = openServers({ home, fsync: false });
  const apps = openApps({ state: home.state, report: () => {} });
  const close = async () => {
    await apps.close();
    await servers.close();
  };
  return { home, apps, backing: { ...servers, ...apps, close } };
}
