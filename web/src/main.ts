document.querySelector("#app")!.textContent = "Tapeline";
