// Gives the admin's frame to Alpine's build for strict policies: in an attribute it knows no name
// that was not registered, and no browser object.

document.addEventListener("alpine:init", () => {
  for (const part of [searchForm, searchDropdown, searchCommand]) Alpine.data(part.name, part);

  Alpine.data("theme", (start) => ({
    ...theme(start),
    // What unfold's attributes ask the browser for.
    window: { location: { pathname: location.pathname, search: location.search } },
    localStorage: { setItem: (name, value) => localStorage.setItem(name, value) },
    sortRecords: (event) => sortRecords(event),
    moveRecords: (event) => moveRecords(event),
  }));

  Alpine.data("frame", (firstTab = "") => ({
    activeTab: "",
    sidebarMobileOpen: false,
    sidebarDesktopOpen: localStorage.getItem("sidebarDesktopOpen") !== "0",
    init() {
      this.activeTab = firstTab && (getCurrentTab() || firstTab);
      this.$watch("sidebarDesktopOpen", (open) => {
        localStorage.setItem("sidebarDesktopOpen", open ? "1" : "0");
      });
    },
  }));
});
